"""One way to compile a loop with numba, for everything that does; the activations excepted, which
are compiled into their callers."""

import contextlib
import logging
from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache


class _Kept(FunctionCache):
    """What was compiled, on disk; a disk that is full, fails or holds something else costs time and
    nothing else: each process compiles for itself."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001  # of damaged bytes anything may come
            logging.warning("what was compiled cannot be read, is compiled anew: %s", error)
            with contextlib.suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001
            logging.warning("what was compiled cannot be kept: %s", error)


def compiled(**flags: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` that keeps what it has compiled on disk; where no place there may be written,
    each process compiles for itself."""

    def decorate(function: Callable[..., Any]) -> Any:
        made = njit(**flags)(function)
        with contextlib.suppress(RuntimeError):  # numba's "no locator available"
            made._cache = _Kept(function)  # type: ignore[no-untyped-call]
        return made

    return decorate
