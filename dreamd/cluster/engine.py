"""Dask as we use it: its settings, its security, a client.

Every part of this room that needs the engine gets it here, so that all of its processes have the
same patience: a peer that has not answered for some seconds is gone.
"""

import asyncio
import logging
import pickle
from concurrent.futures import CancelledError
from typing import Any

import dask
from distributed import Client, Future, Security
from distributed.comm.core import connect as greeting_of

from dreamd.cluster.address import CERTIFICATE, KEY, ClusterAddress
from dreamd.cluster.calls import call

CONNECT, SILENT = 3.0, 12.0
"""Seconds in which a connection must come about, and after which a silent one is closed: Dask knows
nothing shorter. Performers ask oftener whether the scheduler is there (:mod:`dreamd.cluster.link`).
"""
LOST = (OSError, TimeoutError, RuntimeError, CancelledError)
"""What a client raises whose scheduler went."""
QUIET_LOGGERS = ("distributed", "tornado", "asyncio", "bokeh")
"""Loggers of the engine: what a performer should know is said in our own words."""

DREAM, TRAINING = "dream", "training"
"""What each slot of a worker has one of: in either at most one task runs at a time."""

DREAMS_FIRST = 1000
"""Priority of a dream over training. What one performer has already asked for is subtracted: who
has nothing there yet comes before those who have much."""


def configure() -> None:
    """Dask's own settings, in this process."""
    dask.config.set({
        "distributed.comm.timeouts.connect": f"{CONNECT} s",
        "distributed.comm.timeouts.tcp": f"{SILENT} s",
        "distributed.scheduler.worker-ttl": "15 s",
        "distributed.scheduler.work-stealing": False,  # no task waits at a worker
        "distributed.admin.low-level-log-length": 0,  # else chunks of dreams are kept for ever
        "distributed.admin.log-length": 100,
        "distributed.admin.large-graph-warning-threshold": "1 GiB",
        "distributed.worker.profile.enabled": False,
        "distributed.scheduler.http.routes": [],  # which would be in the open
        "distributed.worker.http.routes": [],
        "distributed.worker.daemon": True,
        # With it glibc gives back what each step frees, and takes it anew, page after page: a first
        # part of transpose came 55 ms later.
        "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
    })  # fmt: skip
    for name in (*QUIET_LOGGERS, *logging.root.manager.loggerDict):
        if name.partition(".")[0] in QUIET_LOGGERS:  # Dask gives some of its own a level each
            logging.getLogger(name).setLevel(logging.CRITICAL)


def security_of(address: ClusterAddress) -> Security | None:
    """The same certificate for everybody, and no other is accepted."""
    if address.tls is None:
        return None
    certificate, key = str(address.tls / CERTIFICATE), str(address.tls / KEY)
    roles: dict[str, Any] = {"tls_ca_file": certificate}
    for role in ("client", "scheduler", "worker"):
        roles |= {f"tls_{role}_cert": certificate, f"tls_{role}_key": key}
    return Security(require_encryption=True, **roles)


def submit(
    client: Client, name: str, parcel: Any, key: str, *, place: str, priority: int
) -> Future[Any]:
    """Hands out a task of :mod:`dreamd.cluster.tasks`, for a ``place`` of this kind."""
    return client.submit(
        call, name, pickle.dumps(parcel), key=key, pure=False, resources={place: 1},
        priority=priority,
    )  # fmt: skip


def connect(address: ClusterAddress, name: str) -> Client:
    """A client. Raises :class:`OSError` where no scheduler answers."""
    configure()
    security = security_of(address)
    asyncio.run(_greet(str(address), security))  # a client costs more, and would wait for ever
    return Client(
        str(address), timeout=CONNECT, security=security, name=name,
        set_as_default=False, direct_to_workers=False,
    )  # fmt: skip


async def _greet(address: str, security: Security | None) -> None:
    """Raises :class:`OSError` where nobody greets as a scheduler does, as if it were frozen, or
    another program's port."""
    arguments = security.get_connection_args("client") if security else {}
    greeting = greeting_of(address, CONNECT, **arguments)
    try:
        made = await asyncio.wait_for(greeting, CONNECT)
    except OSError:
        raise
    except Exception as error:  # of what is no greeting anything may come
        raise OSError(f"what answers at {address} is no scheduler") from error
    await made.close()
