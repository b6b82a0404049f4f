"""A landed part on disk: packed bytes, opened and held against their digest."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import BinaryIO

import zstandard

from hub_core.contracts import PayloadPart
from hub_core.errors import StoreError
from hub_core.model.exchange import Part

_PIECE = 1 << 17  # bytes: a block as it is packed
_AGAIN = "bring it back from a backup, or ask the department again (hub gather)"


def open_part(parts: Path, part: Part) -> PayloadPart:
    """A landed part's bytes, checked against their digest.

    Raises StoreError where they are gone or changed.
    """
    path = parts / f"{part.digest}.zst"
    try:
        content = zstandard.ZstdDecompressor().decompress(
            path.read_bytes(), max_output_size=part.size
        )
    except (OSError, zstandard.ZstdError) as error:
        raise StoreError(f"{path} cannot be read: {error}: {_AGAIN}", part=part.name) from error
    payload = PayloadPart(content, part.media_type, part.origin, part.name)
    if payload.digest != part.digest:
        raise StoreError(
            f"{path} does not hold the bytes that were landed: {_AGAIN}", part=part.name
        )
    return payload


def holds(path: Path, content: bytes) -> bool:
    """Whether a file of a landed part is there and holds these bytes."""
    try:
        return (
            zstandard.ZstdDecompressor().decompress(path.read_bytes(), max_output_size=len(content))
            == content
        )
    except (OSError, zstandard.ZstdError):
        return False


def check_part(path: Path, part: Part) -> None:
    """Check a part's bytes against digest and size, a piece at a time. Raises StoreError."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file, _HANDS.reader(file) as pieces:
            while size <= part.size and (n := pieces.readinto(_HANDS.piece)):
                digest.update(memoryview(_HANDS.piece)[:n])
                size += n
    except zstandard.ZstdError as error:
        raise StoreError(f"{path} cannot be read: {error}", part=part.name) from error
    if (size, digest.hexdigest()) != (part.size, part.digest):
        raise StoreError(f"{path} does not hold the bytes that were landed", part=part.name)


class _Hands(threading.local):
    """What a thread unpacks parts with, used again for each.

    Fresh memory costs more than what is done in it.
    """

    def __init__(self) -> None:
        self.piece = bytearray(_PIECE)
        self._decompressor = zstandard.ZstdDecompressor()

    def reader(self, file: BinaryIO) -> zstandard.ZstdDecompressionReader:
        """A file unpacked as it is read."""
        return self._decompressor.stream_reader(file)


_HANDS = _Hands()
