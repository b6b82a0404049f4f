"""The compound file around an xls.

One stream is read out of it, and a new one is made around a stream.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from struct import pack, unpack_from

from hub_core import SourceChanged

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LAST = 0xFFFFFFFA  # sector numbers from here on are marks: free, end of chain, table
_END = 0xFFFFFFFE
_FREE = 0xFFFFFFFF
_FAT = 0xFFFFFFFD
_SECTOR = 4096  # of the files written here
_SMALL = 4096  # bytes below which a stream lives in the small sectors


@dataclass(frozen=True, slots=True)
class _Entry:
    """A stream in the directory."""

    name: str
    start: int
    size: int


class Compound:
    """A compound file; each chain of sectors is walked once and may meet no sector twice."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        try:
            (shift,) = unpack_from("<H", content, 30)
            first_entry, self._mini_start, self._mini_count = unpack_from("<I8xII", content, 48)[:3]
            difat, _ = unpack_from("<II", content, 68)
            tables = list(unpack_from("<109I", content, 76))
        except struct.error as error:
            raise _damaged("its head is cut off") from error
        if shift not in {9, 12}:
            raise _damaged("its sectors have no known size")
        self._size = 1 << shift
        self._sectors = len(content) // self._size  # the last one may be cut short
        walked_tables = set[int]()
        while difat < _LAST:
            if difat in walked_tables:
                raise _damaged("the chain of its sector tables runs in a circle")
            walked_tables.add(difat)
            *further_tables, difat = array("I", self._sector(difat))
            tables += further_tables
        used_tables = [table for table in tables if table < _LAST]
        if len(set(used_tables)) != len(used_tables):
            raise _damaged("a sector table stands in it twice")
        self._fat = array("I", b"".join(self._sector(table) for table in used_tables))
        self._entries = self._directory(first_entry)

    @property
    def names(self) -> set[str]:
        """The names of the streams and folders."""
        return {entry.name for entry in self._entries}

    def stream(self, *names: str) -> bytes | None:
        """Return the first stream there is of these names, in any case of letters.

        None where there is none.
        """
        for name in names:
            for entry in self._entries:
                if entry.name.lower() == name.lower():
                    return (
                        self._small_stream(entry)
                        if entry.size < _SMALL
                        else self._chain(entry.name, entry.start)[: entry.size]
                    )
        return None

    def _sector(self, number: int) -> bytes:
        data = self._content[(number + 1) * self._size : (number + 2) * self._size]
        if not data:
            raise _damaged(f"sector {number} is beyond its end")
        return data + bytes(self._size - len(data))

    def _chain(self, name: str, start: int) -> bytes:
        """Return the content of a chain of sectors.

        Raises SourceChanged where it leaves the file or runs in a circle: more sectors come than it
        has.
        """
        data, number, sectors_left = [], start, self._sectors + 1
        while number != _END:
            if number >= len(self._fat) or sectors_left == 0:
                problem = "runs in a circle" if sectors_left == 0 else "leaves the file"
                raise _damaged(f"the chain of sectors of {name!r} {problem}")
            data.append(self._sector(number))
            number, sectors_left = self._fat[number], sectors_left - 1
        return b"".join(data)

    def _directory(self, start: int) -> list[_Entry]:
        data, entries = self._chain("directory", start), []
        for offset in range(0, len(data), 128):
            length, kind = unpack_from("<HB", data, offset + 64)
            first, size = unpack_from("<II", data, offset + 116)
            if kind in {1, 2, 5}:
                name = data[offset : offset + max(0, min(length, 64) - 2)].decode(
                    "utf-16-le", "replace"
                )
                entries.append(_Entry(name if kind != 5 else "\0root", first, size))
        return entries

    def _small_stream(self, entry: _Entry) -> bytes:
        roots = [candidate for candidate in self._entries if candidate.name == "\0root"]
        if not roots or not self._mini_count:
            raise _damaged(f"the stream {entry.name!r} is nowhere")
        container = self._chain("small streams", roots[0].start)
        fat = array("I", self._chain("small sectors", self._mini_start))
        data, number, sectors_left = b"", entry.start, _SMALL // 64
        while number != _END and len(data) < entry.size:
            if number >= len(fat) or sectors_left == 0:
                raise _damaged(
                    f"the chain of sectors of {entry.name!r} runs in a circle or leaves the file"
                )
            data += container[number * 64 : number * 64 + 64]
            number, sectors_left = fat[number], sectors_left - 1
        return data[: entry.size]


def compound(name: str, stream: bytes) -> bytes:
    """Return a compound file with that one stream, padded with zeros to whole sectors."""
    stream += bytes(-len(stream) % _SECTOR or (0 if stream else _SECTOR))
    sectors, numbers_per_table = len(stream) // _SECTOR, _SECTOR // 4
    tables = 1
    while sectors + 1 + tables > tables * numbers_per_table:
        tables += 1
    fat = array("I", [*range(1, sectors), _END, _END, *[_FAT] * tables])
    fat.extend([_FREE] * (tables * numbers_per_table - len(fat)))
    head = SIGNATURE + bytes(16) + pack("<HHHHH6x", 0x3E, 4, 0xFFFE, 12, 6)
    head += pack("<IIIIIIIII", 1, tables, sectors, 0, _SMALL, _END, 0, _END, 0)
    head += array(
        "I", [*range(sectors + 1, sectors + 1 + tables), *[_FREE] * (109 - tables)]
    ).tobytes()
    entries = _entry("Root Entry", 5, 0, 0, child=1) + _entry(name, 2, 0, len(stream))
    directory = entries + _entry("", 0, 0, 0) * (_SECTOR // 128 - 2)
    return head + bytes(_SECTOR - 512) + stream + directory + fat.tobytes()


def _entry(name: str, kind: int, start: int, size: int, child: int = _FREE) -> bytes:
    text = name.encode("utf-16-le")
    head = text.ljust(64, b"\0") + pack("<HBB", len(text) + 2 if name else 0, kind, 1)
    return head + pack("<III", _FREE, _FREE, child) + bytes(36) + pack("<II4x", start, size)


def _damaged(why: str) -> SourceChanged:
    return SourceChanged(f"the file is damaged or was cut off: {why}")
