"""Matrix products at the rate the machine has.

On x86, PyTorch hands float32 products to MKL, which uses half the width of the vector units
where the maker of the processor is not Intel. oneDNN, which PyTorch brings along for its own
layers, uses all of it, and its linear layer is a matrix product. On one core of an AMD EPYC
with AVX-512: 52 billion multiply-adds a second with ``torch.mm``, 110 to 120 with oneDNN.
"""

import platform

import torch
from torch import Tensor

ONEDNN = (
    platform.machine() in ("x86_64", "AMD64") and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
)


def matmul(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """``(M, K)`` times ``(K, N)`` plus ``(N,)``; knows nothing of gradients.

    Either may be a transposed view; if it is ``a``, it is copied first, so let the smaller be
    that one.
    """
    if ONEDNN and a.device.type == "cpu" and a.dtype == torch.float32 and a.numel():
        made: Tensor = torch.ops.mkldnn._linear_pointwise(a, b.t(), bias, "none", [], "")
        return made
    return torch.mm(a, b) if bias is None else torch.addmm(bias, a, b)


class Factor:
    """A matrix ``(K, N)`` that many others ``(M, K)`` are multiplied by.

    :param transposed: ``(N, K)``, contiguous.
    :param lasting: it serves some dozens of times, so that it pays to give it the order in memory
        that oneDNN works in; from then on ``transposed`` is not looked at again.
    """

    def __init__(
        self, transposed: Tensor, bias: Tensor | None = None, lasting: bool = True
    ) -> None:
        self._matrix, self._bias = transposed.t(), bias
        self._laid_out = None
        if ONEDNN and lasting and transposed.numel():
            self._laid_out = torch.ops.mkldnn._reorder_linear_weight(transposed, None)

    def times(self, a: Tensor) -> Tensor:
        """``a`` times the matrix, plus the bias."""
        if self._laid_out is None or not a.numel():
            return matmul(a, self._matrix, self._bias)
        made: Tensor = torch.ops.mkldnn._linear_pointwise(
            a, self._laid_out, self._bias, "none", [], ""
        )
        return made
