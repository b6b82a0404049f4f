"""Nights that are cut off by SIGKILL, then one more: nothing is lost, nothing counts twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.journeys.served import children, until
from tests.journeys.world import NIGHT, World, gone_on

pytestmark = pytest.mark.slow(seconds=20)

WAITING = """
import pathlib, tempfile, time

def wait(frame):
    while pathlib.Path({gate!r}).exists():
        pathlib.Path(tempfile.gettempdir(), "here").touch()
        time.sleep(0.02)
    return frame
"""
AFTER_SEAL = """
import os, pathlib, signal, sys
from datetime import datetime
from concurrent.futures import ThreadPoolExecutor
from hub_core.engine.engine import Engine
from hub_core.home import Hub
from hub_core.obligations import ZONE
from hub_core.pipeline.night import night

class Killed(Engine):
    "Kills the hub when so many children have sealed what they had and nothing of it is admitted."
    def submit(self, orders, seconds, progress):
        future = super().submit(orders, seconds, progress)
        answers = future.result()
        assert any(answer.get("submissions") for answer in answers), answers
        self.left = getattr(self, "left", int(sys.argv[2])) - 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return future

hub = Hub.open(pathlib.Path(sys.argv[1]), Killed(ThreadPoolExecutor))
now = datetime.fromisoformat({night!r}).replace(tzinfo=ZONE)
with hub.alone(now):
    night(hub, now, lambda *_: None)
"""


@pytest.fixture(scope="module")
def undisturbed(night_lived: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a world is like after two nights in which nothing happened."""
    with gone_on(night_lived, tmp_path_factory.mktemp("undisturbed") / "world") as world:
        world.night(NIGHT)
        return world.state()


def one_more_night(world: World) -> dict[str, Any]:
    """The state after one more night; no scratch of the night before is left."""
    world.night(NIGHT)
    assert list((world.home / "scratch").iterdir()) == []
    assert "running" not in {r["outcome"] for r in world.json_of("status")["runs"]}
    return world.state()


@dataclass
class Gate:
    """A gate in the way of a reader: what it reads is landed, and not yet read."""

    path: Path
    scratch: Path

    def reached(self) -> bool:
        """Whether somebody waits before it."""
        return any(self.scratch.glob("*/tmp/here"))

    def open(self) -> None:
        self.path.unlink(missing_ok=True)


@pytest.fixture
def gate(world: World) -> Iterator[Gate]:
    """A gate in Thanh Hóa's way."""
    gate = Gate(world.home.parent / "gate", world.home / "scratch")
    package = world.packages / "thanh_hoa" / "hub_provinces" / "thanh_hoa"
    (package / "waiting.py").write_text(WAITING.format(gate=str(gate.path)))
    toml = package / "telecom.toml"
    toml.write_text(
        'prepare = "hub_provinces.thanh_hoa.waiting:wait"\n' + toml.read_text(encoding="utf-8")
    )
    gate.path.touch()
    yield gate
    gate.open()


def test_a_hub_killed_after_landing(world: World, gate: Gate, undisturbed: dict[str, Any]) -> None:
    hub = world.start("night", "--now", NIGHT)
    until(gate.reached, "a landed part")
    mine = children(hub)
    assert mine
    hub.kill()
    hub.communicate()
    until(
        lambda: not any(child.is_running() for child in mine), "the children to end with their hub"
    )
    gate.open()
    assert one_more_night(world) == undisturbed
    outcomes = [r["outcome"] for r in world.json_of("status")["runs"]]
    assert "interrupted" in outcomes
    kept = list((world.home / "landing" / "thanh_hoa" / "telecom" / "gathers").iterdir())
    assert len(kept) == 2  # what the killed night had landed is kept for the eye


def test_a_child_killed_after_landing_costs_its_own_run_only(
    world: World, gate: Gate, undisturbed: dict[str, Any]
) -> None:
    hub = world.start("night", "--now", NIGHT, "--json")
    until(gate.reached, "a landed part")
    [blocked] = [
        c for c in children(hub) if any("thanh_hoa" in f.path for f in c.open_files())
    ] or [_busy(children(hub), world)]
    os.kill(blocked.pid, signal.SIGKILL)
    out, _ = hub.communicate(timeout=300)
    assert b"ended by signal SIGKILL" in out
    assert hub.returncode == 1
    gate.open()
    state = one_more_night(world)
    assert state["submissions"] == undisturbed["submissions"]
    assert state["obligations"] == undisturbed["obligations"]
    figures = {name.rsplit("/", 1)[0]: digest for name, _, _, digest in state["releases"]}
    assert figures == {
        name.rsplit("/", 1)[0]: digest for name, _, _, digest in undisturbed["releases"]
    }
    assert state["effects"] == len(state["releases"]) == len(state["ledger"])


def _busy(found: list[psutil.Process], world: World) -> psutil.Process:
    """The child that works in Thanh Hóa's scratch folder.

    The last that is left when the others are done.
    """
    left = list(found)

    def alone() -> bool:
        left[:] = [
            child for child in left if child.is_running() and child.status() != psutil.STATUS_ZOMBIE
        ]
        return len(left) == 1

    until(alone, f"one of {found} in {world.home}")
    return left[0]


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_hub_killed_after_sealing(world: World, after: int, undisturbed: dict[str, Any]) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            AFTER_SEAL.replace("{night!r}", repr(NIGHT)),
            str(world.home),
            str(after),
        ],
        env=world.environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert world.state()["submissions"] == []
    assert one_more_night(world) == undisturbed


@pytest.mark.parametrize("mode", ["slow", "down", "lose answer"])
def test_a_hub_killed_between_freeze_and_receipt(
    world: World, mode: str, undisturbed: dict[str, Any]
) -> None:
    world.ministry.mode, world.ministry.delay = mode, 1.0  # type: ignore[assignment]  # a Mode
    hub = world.start("night", "--now", NIGHT)
    if mode == "slow":
        until(lambda: _heard(world), "a delivery on its way")
        hub.kill()
    hub.communicate()
    # what was on its way takes effect after its sender is gone
    until(lambda: not _heard(world), "the ministry to have heard it to its end")
    world.ministry.mode = "accept"
    assert one_more_night(world) == undisturbed


def _heard(world: World) -> bool:
    """Whether the ministry has somebody on the line."""
    return any(
        each.laddr.port == world.ministry.port and each.status != psutil.CONN_LISTEN
        for each in psutil.Process().net_connections("tcp")
    )


def test_a_second_hub_in_one_home_is_refused(world: World, gate: Gate) -> None:
    hub = world.start("night", "--now", NIGHT)
    until(gate.reached, "the first hub at work")
    second = world.process("night", "--now", NIGHT)
    assert second.returncode == 1
    assert "another hub is at work in this home" in second.stderr
    gate.open()
    hub.communicate(timeout=300)
    assert hub.returncode == 0


def test_what_lies_about_in_scratch_stops_no_night(world: World, tmp_path: Path) -> None:
    scratch = world.home / "scratch"
    scratch.mkdir()
    (scratch / "notes.txt").write_text("left by a person", encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    (scratch / "link").symlink_to(tmp_path / "elsewhere")
    assert {each["outcome"] for each in world.night(NIGHT)["gathers"]} == {"done"}
    assert list(scratch.iterdir()) == []
    assert (tmp_path / "elsewhere").exists()
