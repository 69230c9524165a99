"""One way to compile a loop with numba, for everything that does; the activations excepted, which
are compiled into their callers."""

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(**flags: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` that keeps what it has compiled on disk; where no place there may be written,
    each process compiles for itself."""

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, **flags)(function)
        except RuntimeError:  # numba's "no locator available"
            return njit(**flags)(function)

    return decorate
