"""Connectors that start processes: a trusted package's may, a province's own may not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import python_beside
from tests.hub_core.conftest import GOOD, Nights

NIGHT = "2026-11-20T02:00"
TAPS = '''
"""A source that another program reads."""

import subprocess
import sys
from collections.abc import Iterator

from hub_core import PayloadPart, Request, Settings, Source, hookimpl


class Tap(Source):
    """What a program prints."""

    kind = "{kind}"
    starts_processes = True

    class Settings(Settings):
        """The program."""

        path: str
        code: str

    def fetch(self, request: Request, cursor: str | None) -> Iterator[PayloadPart]:
        """One part."""
        code = self.settings.code.replace("PATH", repr(self.settings.path))
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
        yield PayloadPart(said, "text/csv", "tap", "a.csv")


@hookimpl
def hub_connectors():
    """It."""
    return [Tap]
'''
READS = "import pathlib, sys; sys.stdout.write(next(pathlib.Path(PATH).iterdir()).read_text())"
WRITES = f"open(PATH + '/x', 'w'); {READS}"
GROWS = f"x = bytearray(900 << 20); import time; time.sleep(20); {READS}"
STAYS = f"""import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.closerange(0, 3)
    time.sleep(60)
{READS}"""
CODES = {"reads": READS, "writes": WRITES, "grows": GROWS, "stays": STAYS}


def taps(folder: Path) -> Path:
    """An installed package, as far as Python can tell."""
    metadata = folder / "taps-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: taps\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[lienthong]\ntaps = taps\n")
    (folder / "taps.py").write_text(TAPS.replace("{kind}", "tap"))
    return folder


@pytest.fixture(scope="module")
def gathers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One night of provinces that use the trusted tap, and of one that brings its own."""
    folder = tmp_path_factory.mktemp("taps")
    python = python_beside(sys.executable, folder / "python", taps(folder / "site"))
    nights = Nights(folder)
    for name in (*CODES, "own"):
        root = nights.package(name)
        path = root / "hub_provinces" / name / "telecom.toml"
        code = json.dumps(CODES.get(name, READS))
        kind = "tap_of_its_own" if name == "own" else "tap"
        text = path.read_text(encoding="utf-8").replace(
            'kind = "folder"', f'kind = "{kind}"\ncode = {code}'
        )
        path.write_text(text, encoding="utf-8")
    init = nights.packages / "own" / "hub_provinces" / "own" / "__init__.py"
    init.write_text(
        TAPS.replace("{kind}", "tap_of_its_own") + init.read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    home = nights.make(seconds=30, memory_mb=512)
    path = home / "config" / "hub.toml"
    text = path.read_text(encoding="utf-8").replace(
        'trusted = ["connectors"]', 'trusted = ["connectors", "taps"]'
    )
    path.write_text(text, encoding="utf-8")
    command = [
        python,
        "-c",
        "from hub_core.cli import main; main()",
        "night",
        "--home",
        home,
        "--now",
        NIGHT,
    ]
    done = subprocess.run(
        [*command, "--period", "2026-M10", "--json"], capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return {each["province"]: each for each in json.loads(done.stdout)["gathers"]}


def test_a_trusted_one_may(gathers: dict[str, Any]) -> None:
    assert (gathers[GOOD]["error"], gathers["reads"]["error"]) == (None, None)
    assert gathers["reads"]["counts"]["admitted"] == 2


def test_a_province_s_own_may_not_though_it_says_so(gathers: dict[str, Any]) -> None:
    assert "tried to start a process" in gathers["own"]["error"]


def test_what_is_started_writes_nowhere_either(gathers: dict[str, Any]) -> None:
    assert gathers["writes"]["outcome"] == "failed"
    assert "CalledProcessError" in gathers["writes"]["error"]


def test_the_memory_is_that_of_all_together(gathers: dict[str, Any]) -> None:
    assert (
        "MB of memory, more than the 512 MB that memory_mb in hub.toml allows"
        in gathers["grows"]["error"]
    )


def test_what_is_started_ends_with_the_child_wherever_it_went(gathers: dict[str, Any]) -> None:
    assert (gathers["stays"]["error"], gathers["stays"]["counts"]["admitted"]) == (None, 2)
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert STAYS[:60] not in path.read_bytes().decode(errors="replace")
        except OSError:
            continue
