"""Files in one archive, .tar.gz or .zip, each with its checksum; what is read is not trusted."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from dxp.errors import ConfigurationError

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What an archive holds of a file."""

    size: int
    sha256: str
    mode: int


class ArchiveWriter(ABC):
    """Adds files to a new archive."""

    @abstractmethod
    def add(self, name: str, source: IO[bytes], *, size: int, mode: int) -> Stored:
        """Add exactly `size` bytes of `source`.

        Raises:
            OSError: the file became shorter while it was read.
        """

    @abstractmethod
    def close(self) -> None: ...


class TarWriter(ArchiveWriter):
    """A .tar.gz."""

    def __init__(self, file: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w:gz", compresslevel=6)  # noqa: SIM115

    def add(self, name: str, source: IO[bytes], *, size: int, mode: int) -> Stored:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, mode
        reader = _Hashing(source, size)
        self._tar.addfile(entry, reader)
        return reader.stored(mode)

    def close(self) -> None:
        self._tar.close()


class ZipWriter(ArchiveWriter):
    """A .zip."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True)

    def add(self, name: str, source: IO[bytes], *, size: int, mode: int) -> Stored:
        entry = zipfile.ZipInfo(name)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = mode << 16
        reader = _Hashing(source, size)
        with self._zip.open(entry, "w", force_zip64=True) as target:
            while chunk := reader.read(CHUNK_BYTES):
                target.write(chunk)
        return reader.stored(mode)

    def close(self) -> None:
        self._zip.close()


def writer_for(path: Path, file: IO[bytes]) -> ArchiveWriter:
    """The writer that a file's name asks for.

    Raises:
        ConfigurationError: it asks for neither kind.
    """
    if path.name.endswith(".zip"):
        return ZipWriter(file)
    if path.name.endswith((".tar.gz", ".tgz")):
        return TarWriter(file)
    raise ConfigurationError(
        f"The kind of {path.name} is not known.\nEnd the name in .tar.gz or .zip."
    )


def extract(archive: Path, folder: Path) -> dict[str, Stored]:
    """Write all files of an archive below `folder`, which only the owner may enter.

    Returns:
        what was written, by name.

    Raises:
        ConfigurationError: it is no archive, is cut short, or holds anything but ordinary files
            with names that stay inside the folder.
    """
    folder.mkdir(mode=0o700)
    written: dict[str, Stored] = {}
    try:
        for name, mode, source in _members(archive):
            if name in written:
                raise _suspicious(archive, f"names {name!r} twice")
            written[name] = _write(folder / _inside(archive, name), source, mode)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise ConfigurationError(
            f"{archive} cannot be read as a backup: {error}.\n"
            "It is damaged, cut short, or something else. Take another one."
        ) from error
    return written


def _members(archive: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                kind = info.external_attr >> 28
                if info.is_dir() or kind not in (0, 8):
                    raise _suspicious(
                        archive, f"holds {info.filename!r}, which is no ordinary file"
                    )
                with opened.open(info) as file:
                    yield info.filename, (info.external_attr >> 16) & 0o777, file
        return
    with tarfile.open(archive, mode="r:gz") as packed:
        for member in packed:
            source = packed.extractfile(member) if member.isreg() else None
            if source is None:
                raise _suspicious(archive, f"holds {member.name!r}, no ordinary file")
            yield member.name, member.mode & 0o777, source


def _inside(archive: Path, name: str) -> Path:
    path = PurePosixPath(name)
    unsafe = path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name
    if unsafe or not path.parts or str(path) != name:
        raise _suspicious(archive, f"names a file {name!r}, which would lie outside of the folder")
    return Path(*path.parts)


def _write(target: Path, source: IO[bytes], mode: int) -> Stored:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, size = hashlib.sha256(), 0
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        while chunk := source.read(CHUNK_BYTES):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    target.chmod(mode or 0o600)
    return Stored(size=size, sha256=digest.hexdigest(), mode=mode)


def _suspicious(archive: Path, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{archive} {what}.\nNo backup of dxp does, so nothing of it was taken over."
    )


class _Hashing(io.RawIOBase):
    """Reads a fixed number of bytes, and hashes them on the way."""

    def __init__(self, source: IO[bytes], size: int) -> None:
        self._source, self._left, self._size = source, size, size
        self._digest = hashlib.sha256()

    def read(self, count: int = -1) -> bytes:
        if self._left == 0:
            return b""
        wanted = self._left if count < 0 else min(count, self._left)
        chunk = self._source.read(wanted)
        if not chunk:
            raise OSError("the file became shorter while it was read")
        self._left -= len(chunk)
        self._digest.update(chunk)
        return chunk

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def stored(self, mode: int) -> Stored:
        return Stored(size=self._size, sha256=self._digest.hexdigest(), mode=mode)
