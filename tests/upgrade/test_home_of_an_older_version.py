"""A home that an older version left is opened as it is, to the same digests, and lives on."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import zstandard

from hub_core.testing.ministry import SampleMinistry
from hub_core.testing.samples import TOKEN
from hub_core.testing.servers import PagedJson
from tests.command import hub

HERE = Path(__file__).parent
VERSIONS = ["4d81597"]
THIRD = "2026-11-08T02:00"


@dataclass
class OldHome:
    """An older version's home, pointed at systems that stand where it left them."""

    home: Path
    said: dict[str, Any]
    environment: dict[str, str]
    servers: dict[str, PagedJson]

    def run(self, *words: str) -> Any:
        """Run a command of today's; what it prints as JSON."""
        done = hub(*words, "--json", environment=os.environ | self.environment)
        assert done.stdout, (words, done.stderr)
        return json.loads(done.stdout)

    def check(self, recorded: dict[str, Any]) -> None:
        """Hold all that the older version said against what is said today."""
        provisions, releases = recorded["revisions"], recorded["figures"]
        today = {
            "revisions": {name: self.run("revision", "list", name) for name in provisions},
            "releases": self.run("release", "list"),
            "figures": {name: self.run("release", "show", name) for name in releases},
            "verified": {name: self.run("release", "verify", name) for name in releases},
            "quarantine": self.run("finding", "quarantine"),
            "findings": self.run("finding", "list"),
            "doctor": self.run("doctor", "--deep"),
        }
        for name, now in today.items():
            assert_within(recorded[name], now, name)


def assert_within(recorded: Any, now: Any, path: str) -> None:
    """Hold what was said against what is said now, which may say more."""
    if isinstance(recorded, dict):
        for key, value in recorded.items():
            assert key in now, f"{path}.{key} is gone"
            assert_within(value, now[key], f"{path}.{key}")
    elif isinstance(recorded, list):
        assert len(recorded) == len(now), f"{path}: {len(recorded)} then, {len(now)} now"
        for n, (value, of_now) in enumerate(zip(recorded, now, strict=True)):
            assert_within(value, of_now, f"{path}[{n}]")
    else:
        assert recorded == now, path


def unpack(version: str, folder: Path) -> dict[str, Any]:
    """Lay an older version's home, packages and systems into a folder; what that version said."""
    packed = (HERE / version / "home.tar.zst").read_bytes()
    with zstandard.ZstdDecompressor().stream_reader(packed) as stream:
        content = BytesIO(stream.read())
    with tarfile.open(fileobj=content) as archive:
        archive.extractall(folder, filter="data")
    said: dict[str, Any] = json.loads((HERE / version / "said.json").read_text(encoding="utf-8"))
    return said


@pytest.fixture(params=VERSIONS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OldHome]:
    said = unpack(request.param, tmp_path)
    places = {"@PACKAGES@": tmp_path / "packages", "@SYSTEMS@": tmp_path / "systems"}
    with ExitStack() as stack:
        ledger = tmp_path / "home" / "ministry.jsonl"
        ministry = stack.enter_context(SampleMinistry(ledger_path=ledger))
        servers = {
            name: stack.enter_context(PagedJson(rows, page_size=5, token=TOKEN))
            for name, rows in said["rows"].items()
        }
        words = {word: str(path) for word, path in places.items()} | {"@MINISTRY@": ministry.url}
        words |= {f"@{name}@": server.url for name, server in servers.items()}
        home = tmp_path / "home"
        for path in (home / "config/hub.toml", home / "config/deliveries/ministry.toml"):
            text = path.read_text(encoding="utf-8")
            for word, place in words.items():
                text = text.replace(word, place)
            path.write_text(text, encoding="utf-8")
        secret = {"HUB_SECRET_THANH_HOA__GATEWAY_TOKEN": TOKEN}
        yield OldHome(home, said, {"HUB_HOME": str(home), **secret}, servers)


def test_it_is_opened_verified_and_traced_as_it_was(old: OldHome) -> None:
    before = old.said["before"]
    old.check(before)
    for trace in before["traces"]:
        words = (trace["release"], trace["figure"]["indicator"], trace["figure"]["org_unit"])
        now = old.run("trace", *words)
        assert now["manifest_digest"] == trace["manifest_digest"]
        assert_within(trace, now, f"trace of {words}")


def test_each_gather_is_replayed_to_the_digests_that_stand(old: OldHome) -> None:
    gathers = [each for each in old.said["before"]["gathers"] if each["outcome"] == "done"]
    for gather in gathers:
        words = (gather["province"], gather["provision"], gather["gather"])
        replayed = old.run("replay", *words, "--now", THIRD)
        superseded = gather["gather"] == "20250101-00000002"  # its October was corrected since
        assert (replayed["outcome"], replayed["error"]) == (
            "done" if superseded else "unchanged",
            None,
        )
    old_revisions = old.said["before"]["revisions"]
    for name, revisions in old_revisions.items():
        now = {(r["period"], r["revision"]): r for r in old.run("revision", "list", name)}
        for revision in revisions:
            assert_within(revision, now[revision["period"], revision["revision"]], name)


def test_a_night_gives_what_the_older_version_gave(old: OldHome) -> None:
    for name, rows in old.said["changed rows"].items():
        old.servers[name].rows = rows
    night = old.run("night", "--now", THIRD)
    assert_within(old.said["third night"], night, "night")
    old.check(old.said["after"])
