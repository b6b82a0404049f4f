"""A landed part on disk: compressed bytes, unpacked and checked against their digest."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import BinaryIO

import zstandard

from hub_core.contracts import PayloadPart
from hub_core.errors import StoreError
from hub_core.model.exchange import Part

_PIECE_SIZE = 1 << 17  # bytes: a block as it is packed
_ADVICE = "bring it back from a backup, or ask the department again (hub gather)"


def open_part(parts: Path, part: Part) -> PayloadPart:
    """Return a landed part's bytes, checked against their digest.

    ``parts``: the folder of landed parts. Raises StoreError where the bytes are gone or changed.
    """
    path = parts / f"{part.digest}.zst"
    try:
        content = zstandard.ZstdDecompressor().decompress(
            path.read_bytes(), max_output_size=part.size
        )
    except (OSError, zstandard.ZstdError) as error:
        raise StoreError(f"{path} cannot be read: {error}: {_ADVICE}", part=part.name) from error
    payload = PayloadPart(content, part.media_type, part.origin, part.name)
    if payload.digest != part.digest:
        raise StoreError(
            f"{path} does not hold the bytes that were landed: {_ADVICE}", part=part.name
        )
    return payload


def holds(path: Path, content: bytes) -> bool:
    """Tell whether a landed part's file is there and holds these bytes."""
    try:
        return (
            zstandard.ZstdDecompressor().decompress(path.read_bytes(), max_output_size=len(content))
            == content
        )
    except (OSError, zstandard.ZstdError):
        return False


def check_part(path: Path, part: Part) -> None:
    """Check a landed part's file against the part's digest and size, a piece at a time.

    Raises StoreError where it cannot be unpacked or holds other bytes, and OSError.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file, _UNPACKER.reader(file) as pieces:
            while size <= part.size and (length := pieces.readinto(_UNPACKER.piece)):
                digest.update(memoryview(_UNPACKER.piece)[:length])
                size += length
    except zstandard.ZstdError as error:
        raise StoreError(f"{path} cannot be read: {error}", part=part.name) from error
    if (size, digest.hexdigest()) != (part.size, part.digest):
        raise StoreError(f"{path} does not hold the bytes that were landed", part=part.name)


class _Unpacker(threading.local):
    """A thread's buffer and decompressor, used again for each part.

    Allocating fresh memory costs more than the work that is done in it.
    """

    def __init__(self) -> None:
        self.piece = bytearray(_PIECE_SIZE)
        self._decompressor = zstandard.ZstdDecompressor()

    def reader(self, file: BinaryIO) -> zstandard.ZstdDecompressionReader:
        """Return a stream that unpacks a file as it is read."""
        return self._decompressor.stream_reader(file)


_UNPACKER = _Unpacker()
