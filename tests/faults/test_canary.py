"""Secrets of a province, of a gateway and of the ministry, looked for in everything that bad nights write.

They come from wherever one may come: a command, the environment, the home's own file, and a file
that hub.toml names.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from hub_core.testing.gateway import Gateway
from tests.journeys.world import World, make_world

MARKS = [f"canary-{name}-7f3a9c51e2" for name in ("token", "id", "secret", "ministry")]
CANARIES = [mark.encode() for mark in MARKS]
TOKEN, ID, SECRET, MINISTRY = (
    f"{mark}\\\"'x" for mark in MARKS
)  # with what Python and JSON write otherwise
OAUTH = 'auth = { kind = "oauth2_client_credentials", token_url = "%s", id = "secret:id", secret = "secret:secret" }'
BEARER = 'kind = "rest", auth = { kind = "bearer", token = "secret:ministry" }'
TELLING = '''"""Tells all that it can see."""

import inspect
import os
import sys


def tell(frame):
    whose = [each.frame.f_locals.get("self") for each in inspect.stack()]
    seen = repr([each.order.secrets for each in whose if hasattr(each, "order")]) + repr([os.environ, sys.argv])
    print(seen)
    print(seen, file=sys.stderr)
    raise ValueError(seen)
'''


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[World]:
    """A world whose secrets are canaries, and whose ministry asks for one."""
    vault = tmp_path / "vault"  # outside of what is looked through
    vault.mkdir()
    for name, value in (("token", TOKEN), ("ministry", MINISTRY)):
        (vault / name).write_text(value, encoding="utf-8")
        (vault / name).chmod(0o600)
    with make_world(tmp_path / "world", ("thanh_hoa",)) as world:
        world.systems.environment = {"HUB_SECRET_THANH_HOA__ID": ID}
        with (world.home / "config" / "hub.toml").open("a", encoding="utf-8") as file:
            file.write(
                f"[secrets.thanh_hoa]\ngateway_token = {{ command = ['cat', '{vault}/token'] }}\n"
            )
            file.write(f"[secrets.hub]\nministry = {{ file = '{vault}/ministry' }}\n")
        # it is named by a later package
        done = world.process("secret", "set", "thanh_hoa", "secret", "--anyway", given=SECRET)
        assert done.returncode == 0
        assert MARKS[2] not in done.stdout + done.stderr
        world.systems.servers["thanh_hoa/telecom"].token = TOKEN
        world.ministry.token = MINISTRY
        toml = world.home / "config" / "deliveries" / "ministry.toml"
        toml.write_text(
            toml.read_text(encoding="utf-8").replace('kind = "rest"', BEARER), encoding="utf-8"
        )
        yield world


def say(world: World, *words: str) -> bytes:
    """All that a command says, as a person and as a machine sees it; for a person it is a process."""
    said = ""
    for done in (world.process(*words), world.run(*words, "--json")):
        assert done.stdout + done.stderr, words
        said += done.stdout + done.stderr
    return said.encode()


def found(world: World, said: bytes) -> list[str]:
    """Where a canary is: in what was said, or in any file, landed parts unpacked."""
    places = {"the terminal": said}
    for path in world.home.parent.rglob("*"):
        if path.is_file() and not path.is_symlink() and world.home / "secrets" not in path.parents:
            content = path.read_bytes()
            if path.suffix == ".zst":
                content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
            places[str(path)] = content + path.name.encode()
    return [
        place for place, content in places.items() if any(canary in content for canary in CANARIES)
    ]


def test_the_search_finds_what_is_there(watched: World) -> None:
    (watched.home / "leak.txt").write_text(f"token={TOKEN}", encoding="utf-8")
    assert found(watched, b"") == [str(watched.home / "leak.txt")]
    (watched.home / "leak.txt").unlink()
    assert found(watched, MINISTRY.encode()) == ["the terminal"]


@pytest.mark.slow(seconds=30)
def test_no_secret_is_in_anything_that_bad_nights_write(watched: World) -> None:
    package = watched.packages / "thanh_hoa" / "hub_provinces" / "thanh_hoa" / "telecom.toml"
    server, said = watched.systems.servers["thanh_hoa/telecom"], b""
    now = iter(range(6, 28))

    def night() -> bytes:
        return say(watched, "night", "--now", f"2026-11-{next(now):02d}T02:00")

    for fault in ("500", "401", "truncated", "html"):
        server.fault = fault
        heard = night()
        assert b"thanh_hoa" in heard
        said += heard
    server.fault = None
    watched.ministry.mode = "down"
    said += night()
    watched.ministry.mode = "reject"
    said += night()
    watched.ministry.mode = "accept"
    said += night()

    plain = package.read_text(encoding="utf-8")
    bearer = next(line for line in plain.splitlines() if line.startswith("auth"))
    for guard_fault in ("expire", "401", "inside", "next inside"):
        rows = server.rows["2026-M10"]  # type: ignore[call-overload]  # by period
        with Gateway(rows) as gateway:
            gateway.id, gateway.secret = ID, SECRET
            gateway.fault = guard_fault  # type: ignore[assignment]  # one of its own
            package.write_text(plain.replace(bearer, OAUTH % gateway.token_url), encoding="utf-8")
            toml = watched.home / "config" / "hub.toml"
            text = toml.read_text(encoding="utf-8")
            toml.write_text(text.replace(server.url, gateway.url), encoding="utf-8")
            said += night()
            toml.write_text(text, encoding="utf-8")
    (package.parent / "raising.py").write_text(TELLING, encoding="utf-8")
    package.write_text(
        'prepare = "hub_provinces.thanh_hoa.raising:tell"\n' + plain, encoding="utf-8"
    )
    heard = night()
    assert b"[secret]" in heard, heard  # it was told, and hidden
    said += heard
    toml, vault = watched.home / "config" / "hub.toml", watched.home.parent.parent / "vault"
    text = toml.read_text(encoding="utf-8")
    both = f"cat {vault}/token; cat {vault}/token >&2; exit 1"
    toml.write_text(
        text.replace(f"['cat', '{vault}/token']", f"['sh', '-c', '{both}']"), encoding="utf-8"
    )
    (vault / "ministry").chmod(0o644)
    heard = night()
    assert b"command sh ended with exit code 1" in heard, heard
    commands = ("status", "finding list", "release list", "delivery list", "doctor --deep", "check")
    for words in (*commands, "secret list", "secret test"):
        heard += say(watched, *words.split())
    assert b"is open to others (mode 0644)" in heard, heard
    said += heard
    toml.write_text(text, encoding="utf-8")
    (vault / "ministry").chmod(0o600)
    done = watched.run("backup", str(watched.home.parent / "set.tar.zst"))
    assert done.returncode == 0, done.stderr
    said += say(watched, "secret", "test")
    assert found(watched, said) == []
