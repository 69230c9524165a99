"""A screen that is drawn by a thread of its own.

A terminal that stands still (Ctrl-S, a stalled ssh, a pipe that nobody reads) then keeps nobody
waiting: what it does not take is not drawn.
"""

import logging
import threading
from types import TracebackType
from typing import Self

from dreamd.terminal.screens import Screen
from dreamd.terminal.view import View

LAST_WORDS = 1.0
"""Seconds for the last drawing and for giving the terminal back."""


class DrawnAside:
    """Shows the newest view on ``screen``; a :class:`Screen` itself."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._newest: View | None = None
        self._ending = False
        self._changed = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="screen", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending = True
        self._changed.set()
        self._thread.join(LAST_WORDS)

    def show(self, view: View) -> None:
        self._newest = view
        self._changed.set()

    def _draw(self) -> None:
        with self._screen:
            while not self._ending:
                self._changed.wait()
                self._changed.clear()
                try:
                    if self._newest is not None:
                        self._screen.show(self._newest)
                except Exception:
                    logging.exception("the screen cannot be drawn")
