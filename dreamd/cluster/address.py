"""Where a cluster is, and who may be talked to: an address, the certificates, the refusals.

The commands ask :func:`cluster_at` before anything else. What is sent to a cluster is unpickled
there, and what comes from it here: whoever may speak to either may run any program. So an address
beyond this machine is refused without certificates.
"""

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dreamd.errors import SetupError
from dreamd.osc.addresses import is_loopback

PORT = 8786
CERTIFICATE, KEY = "cert.pem", "key.pem"
LOCAL = "local"
"""In place of an address: workers are made here, one for each core."""


@dataclass(frozen=True)
class ClusterAddress:
    """A scheduler, and the folder of the certificates that it and its workers speak with."""

    host: str
    port: int
    tls: Path | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls' if self.tls else 'tcp'}://{host}:{self.port}"

    @property
    def is_here(self) -> bool:
        return stays_here(self.host)


def cluster_at(words: str, tls: str | Path = "") -> ClusterAddress:
    """The cluster that an address names: ``host``, ``host:port``, or the scheduler's file.

    >>> str(cluster_at("127.0.0.1")), str(cluster_at("tcp://[::1]:99"))
    ('tcp://127.0.0.1:8786', 'tcp://[::1]:99')

    Raises :class:`SetupError` for one that is not this machine, without certificates; and where the
    engine is not installed.
    """
    check_engine()
    folder = certificates_in(tls)
    plain = _from_file(Path(words)) if words.endswith(".json") else words
    host, port = _host_and_port(plain.rpartition("://")[2])
    refuse_plain(host, folder)
    return ClusterAddress(host, port, folder)


def refuse_plain(host: str, tls: Path | None) -> None:
    """Raises :class:`SetupError` for an address beyond this machine, without certificates."""
    if tls is None and not stays_here(host):
        raise SetupError(
            f"{host} is beyond this machine, and nothing is sent there in the open: make "
            "certificates once (dreamd certificates FOLDER), bring the folder to every machine, "
            "and give it as --tls FOLDER"
        )


def stays_here(host: str) -> bool:
    """Whether only this machine is reached by it.

    >>> stays_here("127.0.0.1"), stays_here("localhost"), stays_here("10.0.0.1"), stays_here("ada")
    (True, True, False, False)
    """
    try:
        return is_loopback(host)
    except ValueError:  # a name
        return host == "localhost"


def certificates_in(folder: str | Path) -> Path | None:
    """The folder itself, if certificates are in it; None where none is named. Raises
    :class:`SetupError`."""
    if not str(folder):
        return None
    place = Path(folder).expanduser().absolute()
    for name in (CERTIFICATE, KEY):
        if not (place / name).is_file():
            raise SetupError(
                f"no {name} in {place}: make certificates with dreamd certificates FOLDER"
            )
    return place


def check_engine() -> None:
    """Raises :class:`SetupError` where Dask is not installed."""
    if find_spec("distributed") is None:
        raise SetupError("a cluster needs Dask: pip install 'dreamrnn[cluster]'")


def _from_file(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetupError(f"{path} is not a scheduler's file ({error}): is it running?") from None


def _host_and_port(words: str) -> tuple[str, int]:
    """
    >>> _host_and_port("[::1]:99"), _host_and_port("ada.local")
    (('::1', 99), ('ada.local', 8786))
    """
    host, colon, port = words.rpartition(":")
    if not colon or words.endswith("]"):
        host, port = words, str(PORT)
    host = host.strip("[]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise SetupError(f"an address is HOST, HOST:PORT or a scheduler's file, got {words!r}")
    return host, int(port)
