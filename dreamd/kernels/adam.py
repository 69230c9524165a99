"""Adam (Kingma and Ba, 2015): how networks learn here.

The learner has an :class:`Adam` for each model that it trains, and a concurrent dream's walk has
one for its copy. The arithmetic is PyTorch's own fused step. ``torch.optim.Adam`` takes the same
step, but to make one imports PyTorch's compiler, which nobody here uses: 70 MB and most of a second
in each process.
"""

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.adam import adam

STATE = ("step", "exp_avg", "exp_avg_sq")
"""What is kept for each parameter, by PyTorch's names."""


class Adam:
    """:param model: whose parameters learn.
    :param learning_rate: of the steps to come; may be changed.
    :param momentum: the first beta. The second is 0.999.
    :param epsilon: gradients much smaller than it move nothing.
    """

    def __init__(
        self,
        model: nn.Module,
        learning_rate: float,
        momentum: float = 0.9,
        epsilon: float = 1e-8,
    ) -> None:
        self.learning_rate = learning_rate
        self._momentum, self._epsilon = momentum, epsilon
        self._names = [name for name, _ in model.named_parameters()]
        self._parameters: list[Tensor] = list(model.parameters())
        self._steps = [torch.zeros((), device=p.device) for p in self._parameters]
        self._means = [torch.zeros_like(p, requires_grad=False) for p in self._parameters]
        self._squares = [torch.zeros_like(p, requires_grad=False) for p in self._parameters]

    def descend(self, loss: Tensor, clip: float) -> None:
        """One step of learning; the norm of the gradient is at most ``clip``."""
        for parameter in self._parameters:
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters, clip)
        with torch.no_grad():
            adam(
                self._parameters,
                [p.grad for p in self._parameters if p.grad is not None],
                self._means,
                self._squares,
                [],
                self._steps,
                fused=True,
                amsgrad=False,
                beta1=self._momentum,
                beta2=0.999,
                lr=self.learning_rate,
                weight_decay=0.0,
                eps=self._epsilon,
                maximize=False,
            )

    @property
    def state(self) -> dict[str, Tensor]:
        """``PARAMETER/step`` and so on: what :meth:`restore` takes."""
        kept = zip(self._names, self._steps, self._means, self._squares, strict=True)
        return {
            f"{name}/{key}": tensor
            for name, *tensors in kept
            for key, tensor in zip(STATE, tensors, strict=True)
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Goes on from an earlier state. What is missing in it begins anew."""
        for name, tensor in self.state.items():
            if name in arrays:
                tensor.copy_(torch.from_numpy(arrays[name]).reshape(tensor.shape))
