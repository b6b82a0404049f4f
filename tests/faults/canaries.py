"""Secrets that can be told from all else, and the search for them in everything that a hub says and writes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import zstandard

from tests.journeys.conftest import HUB, World, make_world

TOKEN, ID, SECRET, MINISTRY = (f"canary-{name}-7f3a9c51e2" for name in ("token", "id", "secret", "ministry"))
CANARIES = [each.encode() for each in (TOKEN, ID, SECRET, MINISTRY)]
BEARER = 'kind = "rest", auth = { kind = "bearer", token = "secret:ministry" }'


@contextmanager
def watched_world(folder: Path) -> Iterator[World]:
    """A world whose secrets are canaries, and whose ministry asks for one."""
    with make_world(folder, ("thanh_hoa",)) as world:
        world.systems.environment |= {
            "HUB_SECRET_THANH_HOA__GATEWAY_TOKEN": TOKEN,
            "HUB_SECRET_THANH_HOA__ID": ID,
            "HUB_SECRET_THANH_HOA__SECRET": SECRET,
            "HUB_SECRET_HUB__MINISTRY": MINISTRY,
        }
        world.systems.servers["thanh_hoa/telecom"].token = TOKEN
        world.ministry.token = MINISTRY
        toml = world.home / "config" / "deliveries" / "ministry.toml"
        toml.write_text(toml.read_text(encoding="utf-8").replace('kind = "rest"', BEARER), encoding="utf-8")
        yield world


class Listener:
    """All that the commands of a world say: nights by turns to people and to machines, looks to both."""

    def __init__(self, world: World) -> None:
        self.world, self.said = world, b""
        self._days = count(6)

    def hear(self, *words: str) -> bytes:
        """What one command says."""
        done = subprocess.run([*HUB, *words], env=self.world.environment, capture_output=True, check=False, timeout=120)
        assert done.stdout + done.stderr, words
        self.said += done.stdout + done.stderr
        return done.stdout + done.stderr

    def night(self) -> bytes:
        """The next night."""
        day = next(self._days)
        return self.hear("night", "--now", f"2026-11-{day:02d}T02:00", *(["--json"] * (day % 2)))

    def look(self) -> None:
        """Every command that only looks."""
        for words in ("status", "finding list", "release list", "delivery list", "doctor --deep", "check"):
            self.hear(*words.split())
            self.hear(*words.split(), "--json")


def found(world: World, said: bytes) -> list[str]:
    """Where a canary is: in what was said, or in any file, landed parts unpacked."""
    places = {"the terminal": said}
    for path in world.home.parent.rglob("*"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if path.suffix == ".zst":
                content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
            places[str(path)] = content + path.name.encode()
    return [place for place, content in places.items() if any(canary in content for canary in CANARIES)]
