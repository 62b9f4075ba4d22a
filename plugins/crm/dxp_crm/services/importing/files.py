"""Taking in a file: stored in pieces, unpacked, looked at, and refused when it is no table."""

from __future__ import annotations

import codecs
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dxp.api import lazy_gettext as _l
from dxp_crm.services.importing.faults import UnreadableFile

PIECE = 1 << 20
SAMPLE = 1 << 16
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "cp1256")
_ARABIC = range(0x0600, 0x0700)
_MAGIC = (
    (
        (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"),
        _l(
            "This is a workbook or an archive, not a text file. Open it in the spreadsheet program "
            "and save the sheet as CSV, then choose that file."
        ),
    ),
    (
        (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x7fELF", b"MZ\x90", b"BZh", b"\xfd7zXZ"),
        _l("This is not a text file. Save the table as CSV, then choose that file."),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How a file's bytes seem to be read. `sure` is False when a person has to look."""

    name: str
    sure: bool


def store(source: IO[bytes], path: Path, *, limit: int) -> int:
    """Write a file away piece by piece, unpacked if it is gzip; returns its size in bytes.

    Args:
        limit: most bytes that it may have, unpacked.

    Raises:
        UnreadableFile: it is empty, too large, damaged, or of a kind that is no text; nothing
            is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _copy(source, path, limit)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _copy(source: IO[bytes], path: Path, limit: int) -> int:
    start = source.read(4)
    source.seek(0)
    packed = start.startswith(b"\x1f\x8b")
    size = 0
    with path.open("wb") as target:
        path.chmod(0o600)
        reader: IO[bytes] = gzip.GzipFile(fileobj=source) if packed else source  # type: ignore[assignment]
        while piece := _read(reader):
            if size == 0:
                _refuse_kinds(piece)
            size += len(piece)
            if size > limit:
                raise UnreadableFile(
                    _l(
                        "The file is larger than %(limit)s MB, unpacked. Cut it into several files "
                        "with the same heading, or let the operator raise import_max_mb.",
                        limit=limit >> 20,
                    )
                )
            target.write(piece)
    if size == 0:
        raise UnreadableFile(_l("The file is empty. Its first line has to name the columns."))
    return size


def _read(reader: IO[bytes]) -> bytes:
    try:
        return reader.read(PIECE)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFile(
            _l("The compressed file is damaged or cut short. Pack it anew, and send it again.")
        ) from error


def _refuse_kinds(start: bytes) -> None:
    for signatures, reason in _MAGIC:
        if start.startswith(signatures):
            raise UnreadableFile(reason)
    if start.startswith(b"\x1f\x8b"):
        raise UnreadableFile(_l("The file was compressed twice. Pack it once, and send it again."))
    sample = start[:SAMPLE]
    strange = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in sample)
    wide = sample.count(0)
    if strange - wide > len(sample) // 50:
        raise UnreadableFile(
            _l("This is not a text file. Save the table as CSV, then choose that file.")
        )


def find_encoding(path: Path) -> Encoding:
    """How the file is to be read: told by its first bytes, or by what fits all of it."""
    with path.open("rb") as file:
        start = file.read(SAMPLE)
    if start.startswith(codecs.BOM_UTF8):
        return Encoding(name="utf-8-sig", sure=True)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding(name="utf-16", sure=True)
    zeros = start[1::2].count(0), start[0::2].count(0)
    half = max(len(start) // 2, 1)
    if max(zeros) > half // 3:
        return Encoding(name="utf-16-le" if zeros[0] > zeros[1] else "utf-16-be", sure=True)
    if unreadable_at(path, "utf-8") is None:
        return Encoding(name="utf-8-sig", sure=True)
    return Encoding(name=_guess(path), sure=False)


def unreadable_at(path: Path, encoding: str) -> int | None:
    """The first line that the encoding cannot be right for; None when it fits the whole file."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            try:
                text = decoder.decode(piece, final=len(piece) < PIECE)
            except UnicodeDecodeError as error:
                good = error.object[: error.start].decode(encoding, "ignore")
                return line + good.count("\n")
            line += text.count("\n")
    return None


def _guess(path: Path) -> str:
    """Windows-1256 when most letters beyond ASCII would be Arabic ones, else Windows-1252."""
    high = bytearray()
    with path.open("rb") as file:
        while len(high) < SAMPLE and (piece := file.read(PIECE)):
            high += bytes(byte for byte in piece if byte > 127)
    arabic = sum(ord(letter) in _ARABIC for letter in bytes(high).decode("cp1256", "ignore"))
    return "cp1256" if arabic * 2 > len(high) else "cp1252"
