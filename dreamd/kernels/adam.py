"""Adam (Kingma and Ba, 2015): how networks learn here.

The learner has an :class:`Adam` for each model that it trains; the copy that a concurrent dream
teaches takes :func:`adam_step`, the same step written out. The class's arithmetic is PyTorch's own
fused step. ``torch.optim.Adam`` takes the same step, but to make one imports PyTorch's compiler,
which nobody here uses: 70 MB and most of a second in each process.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.adam import adam

from dreamd.kernels.activations import FLAGS
from dreamd.kernels.compiled import compiled

BETA = 0.999
"""The second beta."""
STATE = ("step", "exp_avg", "exp_avg_sq")
"""What is kept for each parameter, by PyTorch's names."""


class Adam:
    """:param model: whose parameters learn.
    :param learning_rate: of the steps to come; may be changed.
    :param momentum: the first beta. The second is :data:`BETA`.
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
                beta2=BETA,
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


@compiled(**FLAGS)
def adam_step(weights, gradient, means, squares, clip, rate, unbias, momentum, epsilon):  # type: ignore[no-untyped-def]
    """Adam's step (Kingma and Ba, 2015) along a gradient no longer than ``clip``.

    :param rate: the learning rate over ``1 - momentum^t``.
    :param unbias: ``1 / √(1 - 0.999^t)``.
    """
    one, total = np.float32(1), np.float32(0)
    for j in range(len(gradient)):
        total += gradient[j] * gradient[j]
    shorter = min(clip / (np.sqrt(total) + np.float32(1e-6)), one)
    kept, new = np.float32(BETA), np.float32(1 - BETA)
    if len(means):
        for j in range(len(weights)):
            g = shorter * gradient[j]
            means[j] = momentum * means[j] + (one - momentum) * g
            squares[j] = kept * squares[j] + new * g * g
            weights[j] -= rate * means[j] / (unbias * np.sqrt(squares[j]) + epsilon)
        return
    for j in range(len(weights)):
        g = shorter * gradient[j]
        squares[j] = kept * squares[j] + new * g * g
        weights[j] -= rate * g / (unbias * np.sqrt(squares[j]) + epsilon)
