"""SIGKILL of hub and child at every border of the path, and at random moments.

Whatever was cut off, the doctor names what is left, ``--mend`` leaves none of it, and one more
night makes the world what it is where nothing happened: figures, revisions, obligations, and the
ministry's own ledger.

``make faults`` does 200 rounds, ``FAULT_ROUNDS`` says how many else; 20 by default.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psutil

from tests.faults.homes import EVE, NIGHT, PERIOD, left, mended
from tests.journeys.served import until
from tests.journeys.world import World

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "20"))
KILL = Path(__file__).with_name("kill.py")
Borders = dict[
    str, tuple[str, dict[str, int]]
]  # the night that is killed, and what the doctor then finds
STORE, RUNS, ZONE, RELEASES = (
    "hub_core.store.store:Store",
    "hub_core.store.runs:Runs",
    "hub_core.landing.zone:LandingZone",
    "hub_core.store.releases:Releases",
)

UNDER_WAY = {"run": 2, "lease": 2, "scratch": 2}  # two provisions are asked
GATHERING: Borders = {  # in the hub
    f"{RUNS}.begin:before:1:hub": (EVE, {"lease": 1}),
    f"{RUNS}.begin:after:1:hub": (EVE, {"lease": 1, "run": 1}),
    "hub_core.engine.engine:Engine.submit:before:1:hub": (
        EVE,
        {"run": 1, "lease": 1, "scratch": 1},
    ),
    f"{ZONE}.adopt_landing:before:1:hub": (EVE, UNDER_WAY),
    f"{ZONE}.adopt_landing:after:1:hub": (EVE, UNDER_WAY),
    f"{ZONE}.adopt_submission:before:1:hub": (EVE, UNDER_WAY),
    f"{ZONE}.adopt_submission:after:1:hub": (EVE, UNDER_WAY | {"submission": 1}),
    f"{STORE}.add_submission:after:1:hub": (EVE, UNDER_WAY | {"submission": 1}),
    f"{RUNS}.end:before:1:hub": (EVE, UNDER_WAY),
    f"{RUNS}.end:after:1:hub": (EVE, {"run": 1, "lease": 2, "scratch": 2}),
    f"{RUNS}.end:after:2:hub": (EVE, {"lease": 1, "scratch": 1}),
}
READING: Borders = {  # in the child: the hub goes on, and nothing is left
    "hub_core.landing.scratch:Scratch.land:after:1:child": (EVE, {}),
    "hub_core.landing.scratch:Scratch.commit:before:1:child": (EVE, {}),
    "hub_core.landing.scratch:Scratch.commit:after:1:child": (EVE, {}),
    "hub_core.child.sealing:seal:before:1:child": (EVE, {}),
    "hub_core.child.sealing:seal:after:1:child": (EVE, {}),
}
RELEASING: Borders = {
    f"{RELEASES}.freeze:before:1:hub": (NIGHT, {"lease": 1}),
    f"{RELEASES}.freeze:after:1:hub": (NIGHT, {"lease": 1, "delivery": 1}),
    f"{RELEASES}.attempt:before:1:hub": (NIGHT, {"lease": 1, "delivery": 1}),
    f"{RELEASES}.attempt:after:1:hub": (NIGHT, {"lease": 1, "delivery": 1}),
    "connectors.sinks.rest:RestSink.send:after:1:hub": (NIGHT, {"lease": 1, "delivery": 1}),
    f"{RELEASES}.received:after:1:hub": (NIGHT, {"lease": 1}),
}
BORDERS = GATHERING | READING | RELEASING
MENDED = {"scratch", "new", "part", "gather", "submission", "snapshot", "run", "lease"}


def chosen(borders: Borders) -> list[str]:
    """Three in four rounds are for borders: every one of them, or every second, third..."""
    every = len(GATHERING) + len(READING) + len(RELEASING)
    return list(borders)[:: max(1, -(-every // max(1, ROUNDS * 3 // 4)))]


def seeds() -> list[int]:
    """The other rounds, at random moments."""
    return list(
        range(max(2, ROUNDS - sum(len(chosen(each)) for each in (GATHERING, READING, RELEASING))))
    )


def killed(world: World, where: str, now: str) -> None:
    """A night that is killed at a border; children of a killed hub end with it."""
    words = [sys.executable, str(KILL), where, "hub", "night", "--now", now, *PERIOD, "--json"]
    ended = subprocess.run(
        words, env=world.environment, capture_output=True, check=False, timeout=300
    )
    if where.endswith(":hub"):
        assert ended.returncode == -signal.SIGKILL, (ended.returncode, ended.stdout, ended.stderr)
    else:
        assert ended.returncode == 1, ended.stderr
        assert b"SIGKILL" in ended.stdout
    gone(world)


def gone(world: World) -> None:
    """Wait until no process of a world is left."""
    until(
        lambda: (
            not any(
                str(world.home) in " ".join(p.info["cmdline"] or ()) or _child(p)
                for p in psutil.process_iter(["cmdline"])
            )
        ),
        "the processes to end",
    )


def _child(process: psutil.Process) -> bool:
    """Whether a process is a child that lost its hub."""
    return "hub_core.child" in (process.info["cmdline"] or ()) and process.ppid() == 1


def at_a_border(
    begun: AbstractContextManager[World], where: str, undisturbed: dict[str, Any]
) -> None:
    """A night of a world that is killed at a border, and the one after it."""
    night, found = BORDERS[where]
    with begun as world:
        killed(world, where, night)
        assert left(world) == found
        mended(world)
        world.night(NIGHT, *PERIOD)
        assert world.state() == undisturbed
        assert left(world) == {}


def at_a_random_moment(
    begun: AbstractContextManager[World], seed: int, undisturbed: dict[str, Any]
) -> None:
    """A night of a world that is killed at one moment after another."""
    chance = random.Random(seed)
    with begun as world:
        for _ in range(chance.randint(1, 3)):  # it may be killed again and again
            hub = world.start("night", "--now", NIGHT, *PERIOD)
            time.sleep(chance.uniform(0.1, 4.0))
            if chance.random() < 0.3:  # a child alone
                for child in psutil.Process(hub.pid).children():
                    if chance.random() < 0.5:
                        child.kill()
                hub.communicate(timeout=300)
            else:
                hub.kill()
                hub.communicate()
            gone(world)
            assert set(left(world)) <= MENDED | {"delivery"}
            if chance.random() < 0.7:
                mended(world)
        world.night(NIGHT, *PERIOD)
        world.night(NIGHT, *PERIOD)
        state = world.state()
        assert state["obligations"] == undisturbed["obligations"]
        assert set(state["submissions"]) == set(undisturbed["submissions"])
        assert state["releases"][-1][3] == undisturbed["releases"][-1][3]
        assert state["ledger"][-1][4] == undisturbed["ledger"][-1][4]
        assert state["effects"] == len(state["releases"]) == len(state["ledger"])
        mended(world)
        assert left(world) == {}
