"""``dreamd certificates``: one certificate and one key for everybody of an ensemble.

Whoever has the folder belongs to it, nobody else: scheduler, workers and performers show each other
the same certificate, and accept no other. The program ``openssl`` makes it.
"""

import os
import subprocess
from pathlib import Path
from shutil import which

from dreamd.cluster.address import CERTIFICATE, KEY
from dreamd.errors import SetupError

DAYS = 730


def make_certificates(folder: Path) -> None:
    """Into a new folder that only its owner may read. Raises :class:`SetupError`."""
    openssl = which("openssl")
    if openssl is None:
        raise SetupError("certificates are made by openssl: install that first")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"cannot write in {folder}: {error.strerror}") from None
    certificate, key = folder / CERTIFICATE, folder / KEY
    if certificate.exists() or key.exists():
        raise SetupError(f"there are certificates in {folder}: remove them first, or take them")
    made = subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256",
         "-days", str(DAYS), "-subj", "/CN=dreamrnn ensemble",
         "-keyout", str(key), "-out", str(certificate)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        said = made.stderr.strip().splitlines() or ["no reason given"]
        raise SetupError(f"openssl cannot make certificates: {said[-1]}")
    os.chmod(key, 0o600)
