"""The departments of ``many.py`` on loopback, each answer a network away.

``many_server.py`` prints its port.
"""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qs, urlsplit

import many

LATENCY = 0.05  # seconds


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Every question of one connection: ``GET /UNIT?ky=PERIOD``."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            asked = urlsplit(head.split(b" ")[1].decode())
            await asyncio.sleep(LATENCY)
            rows = many.rows(asked.path.strip("/"), parse_qs(asked.query)["ky"][0])
            body = json.dumps({"data": rows}).encode()
            headers = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(headers.encode() + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()  # whoever asked has gone


async def serve() -> None:
    """Until ended."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
