"""A department's service on loopback, so fast that it is not what is measured: ``server.py DATA`` prints its port.

``GET /{rows}/{day}/json?page=K&size=P`` gives pre-serialised rows of a mapped file, with the next
page's relative address at ``/next``; ``POST /sink`` swallows what it is sent. No framework.
"""

from __future__ import annotations

import array
import asyncio
import mmap
import socket
import sys
from pathlib import Path

CHUNK = 1000  # rows between two entries of the index


class Pages:
    """Mapped files of rows and their indexes."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._open: dict[str, tuple[memoryview, array.array[int]]] = {}

    def page(self, place: str, number: int, size: int) -> list[bytes | memoryview]:
        """A page as pieces of bytes; pages count from 1."""
        if place not in self._open:
            folder = self.data / place
            with (folder / "records.bin").open("rb") as file:
                rows = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            self._open[place] = rows, array.array("Q", (folder / "records.idx").read_bytes())
        rows, index = self._open[place]
        step, last = size // CHUNK, len(index) - 1
        first, end = (number - 1) * step, min(number * step, last)
        following = f'"?page={number + 1}&size={size}"' if end < last else "null"
        head = f'{{"page":{number},"next":{following},"data":['.encode()
        return [head, rows[index[first] : index[end] - 1] if end > first else b"", b"]}"]


class Protocol(asyncio.Protocol):
    """As much of HTTP/1.1 as the bench needs."""

    def __init__(self, pages: Pages) -> None:
        self.pages, self.waiting, self.owed = pages, b"", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        transport.set_write_buffer_limits(high=8 << 20)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while True:
            if self.owed:  # what is left of a body that was posted
                taken = min(self.owed, len(self.waiting))
                self.owed, self.waiting = self.owed - taken, self.waiting[taken:]
                if self.owed:
                    return
                self.answer(b"application/json", [b'{"ok":true}'])
            head, end, rest = self.waiting.partition(b"\r\n\r\n")
            if not end:
                return
            self.waiting = rest
            self.asked(*head.split(b"\r\n"))

    def asked(self, line: bytes, *headers: bytes) -> None:
        method, target = line.decode().split(" ")[:2]
        path, _, query = target.partition("?")
        if method == "POST":
            told = dict(header.lower().split(b":", 1) for header in headers)
            self.owed = int(told.get(b"content-length", b"0"))
            if not self.owed:
                self.answer(b"application/json", [b'{"ok":true}'])
            return
        rows, day, _ = path.strip("/").split("/")
        said = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        page = self.pages.page(
            f"{rows}/day{day}", int(said.get("page", 1)), int(said.get("size", 10_000))
        )
        self.answer(b"application/json", page)

    def answer(self, media_type: bytes, pieces: list[bytes | memoryview]) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
        self.transport.writelines([head % (media_type, sum(map(len, pieces))), *pieces])


async def main(data: Path) -> None:
    """Serve until the process is ended."""
    pages = Pages(data)
    server = await asyncio.get_running_loop().create_server(lambda: Protocol(pages), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
