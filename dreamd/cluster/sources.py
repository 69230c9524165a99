"""Recordings that workers read themselves, by an address of fsspec: ``s3://…``, ``file://…``.

``dreamd farm`` lists them (:func:`listed`); the worker that needs one fetches and decodes it once
(:func:`fetched`), and keeps its cache on the shelf. fsspec comes with Dask; some of its addresses
need a package of their own (``s3fs``) on the worker, and what that needs to be let in.
"""

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

import fsspec

from dreamd.cluster.shelf import Shelf, content_key
from dreamd.corpus.decoding import Form, ignore, pour
from dreamd.corpus.folder import is_recording
from dreamd.corpus.found import Found
from dreamd.corpus.recording import Recording
from dreamd.corpus.voice_names import DEFAULT, voice_names
from dreamd.errors import BadRecording, SetupError

STATS = ("frames", "peak", "loudest")


@dataclass(frozen=True)
class Remote:
    """A recording, where it lies, and what tells one version of it from another."""

    url: str
    voice: str
    version: str
    joined: float = 0.0

    @property
    def source(self) -> str:
        return self.url


def is_remote(words: str) -> bool:
    """
    >>> is_remote("s3://takes"), is_remote("takes")
    (True, False)
    """
    return "://" in words


def listed(address: str) -> dict[str, list[Remote]]:
    """The voices below an address, laid out as a folder of recordings is. Raises
    :class:`SetupError`."""
    try:
        files, root = fsspec.core.url_to_fs(address)
        entries = files.find(root, maxdepth=2, detail=True)
    except (ImportError, OSError, ValueError) as error:
        raise SetupError(f"cannot look into {address}: {error}") from None
    found: dict[str, list[Remote]] = {}
    for path, about in sorted(entries.items()):
        inside = PurePosixPath(path).relative_to(PurePosixPath(root))
        if is_recording(Path(inside.name)):
            folder = inside.parts[0] if len(inside.parts) > 1 else DEFAULT
            version = "|".join(str(about.get(k, "")) for k in ("size", "ETag", "mtime", "created"))
            remote = Remote(files.unstrip_protocol(path), folder, version)
            found.setdefault(folder, []).append(remote)
    if not found:
        raise SetupError(f"nothing to learn from in {address}")
    names = voice_names(found)
    return {
        names[folder]: [Remote(each.url, names[folder], each.version) for each in there]
        for folder, there in found.items()
    }


def fetched(remote: Remote, shelf: Shelf, form: Form) -> Recording:
    """The recording, from the shelf where it is there already. Raises :class:`BadRecording`."""
    key = content_key({"url": remote.url.encode(), "version": remote.version.encode(),
                       "form": str(form).encode()})  # fmt: skip
    if not shelf.has(key):
        _fetch(remote, shelf, key, form)
    folder = shelf.path(Path(key))
    said = json.loads((folder / "said.json").read_text(encoding="utf-8"))
    return Recording(
        remote.voice, remote.url, str(folder / "recording.f32"), rate=form.rate,
        channels=form.channels, joined=remote.joined, **{name: said[name] for name in STATS},
    )  # fmt: skip


def _fetch(remote: Remote, shelf: Shelf, key: str, form: Form) -> None:
    with tempfile.TemporaryDirectory(prefix="dreamd-") as folder:
        file = Path(folder) / f"take{PurePosixPath(remote.url).suffix}"
        try:
            with fsspec.open(remote.url, "rb") as there, file.open("wb") as here:
                shutil.copyfileobj(there, here)
        except (ImportError, OSError, ValueError) as error:
            raise BadRecording(f"{remote.url} cannot be read: {error}") from None
        found = Found.at(file, remote.voice)
        assert found is not None
        cache = Path(folder) / "recording.f32"
        poured = pour(found, cache, form, ignore, ignore)
        said = {name: value for name, value in asdict(poured).items() if name in STATS}
        shelf.put(
            key, {"recording.f32": cache.read_bytes(), "said.json": json.dumps(said).encode()}
        )
