"""The way to a cluster: a client while its scheduler answers, and none while it does not.

Each child process of a performer has one :class:`Link`. A thread asks the scheduler every second
whether it is there, and looks for one that is gone until it is back.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable

from distributed import Client

from dreamd.cluster import engine
from dreamd.cluster.address import ClusterAddress

ASKED_EVERY = 1.0  # seconds
ANSWERED_IN = 2.8  # seconds; a scheduler that takes longer is gone


class Link:
    """:param name: of this process, in the cluster.
    :param met: called from a thread with each new client, before anybody gets it.
    :param changed: called from a thread when the cluster is there (True) or gone.
    """

    def __init__(
        self,
        address: ClusterAddress,
        name: str,
        changed: Callable[[bool], None],
        met: Callable[[Client], None] = lambda client: None,
    ) -> None:
        self.address, self._name, self._met, self._changed = address, name, met, changed
        self._client: Client | None = None
        self._told: bool | None = None
        self._leaving = threading.Event()
        self._look()
        threading.Thread(target=self._watch, name="link", daemon=True).start()

    def client(self) -> Client | None:
        """None while no scheduler answers."""
        client = self._client
        return client if client is not None and client.status == "running" else None

    def close(self) -> None:
        self._leaving.set()
        if self._client is not None:
            _close(self._client)

    def _watch(self) -> None:
        while not self._leaving.wait(ASKED_EVERY):
            self._look()

    def _look(self) -> None:
        if self._client is None:
            with contextlib.suppress(OSError, TimeoutError, ValueError):
                client = engine.connect(self.address, self._name)
                self._met(client)
                self._client = client
        elif not _answers(self._client):
            gone, self._client = self._client, None
            threading.Thread(target=_close, args=(gone,), name="closing", daemon=True).start()
        there = self._client is not None
        if there != self._told:
            self._told = there
            self._changed(there)


def _answers(client: Client) -> bool:
    async def ask() -> None:
        assert client.scheduler is not None
        await asyncio.wait_for(client.scheduler.get_task_status(keys=[]), ANSWERED_IN)

    if client.status != "running":
        return False
    try:
        client.sync(ask, callback_timeout=ANSWERED_IN + 1)
    except Exception:  # noqa: BLE001  # whatever it was, nobody answered
        return False
    return True


def _close(client: Client) -> None:
    with contextlib.suppress(Exception):
        client.close(timeout=1)
