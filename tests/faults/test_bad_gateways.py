"""A night over bad gateways, one in each of many provinces.

Each its own run's named failure, and no more.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hub_core.secrets import variable
from hub_core.testing.gateway import Gateway
from tests.command import HUB
from tests.faults.conftest import watched
from tests.hub_core.conftest import GOOD, Nights

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is watched in /proc")
NIGHT = "2026-11-20T02:00"
MEMORY = 512
LINKS = 'pages = { kind = "next_link", at = "/next" }\n'
CURSORS = 'pages = { kind = "cursor", at = "/next_cursor" }\n'
NUMBERS = 'pages = { kind = "page", rows = "/data", total = "/total" }\n'
OAUTH = (
    'auth = { kind = "oauth2_client_credentials", token_url = "TOKEN_URL", '
    'id = "secret:id", secret = "secret:secret" }'
)
SOURCE = """
dataflow = "TELECOM"
provider = "{upper}.SKHCN"
[source]
kind = "rest"
url = "https://nowhere.example/"
retries = 0
{more}
[reader]
kind = "json"
rows = "/data"
[map]
org_unit = {{ column = "dv" }}
period = {{ column = "ky" }}
indicator = {{ column = "ct" }}
value = {{ column = "gt", number = "vi" }}
"""
BAD: dict[
    str, tuple[str, str, str]
] = {  # a fault, what the source is told, and what its run must say
    "error_body": (
        "error body",
        LINKS + 'expect = { "/success" = "^true$" }',
        r"\^true\$ at /success.*DB-08001",
    ),
    "drips": ("drip", LINKS + "page_seconds = 1.5", "broke off after [0-9]+ bytes: ReadTimeout"),
    "drips_headers": ("drip headers", LINKS + "page_seconds = 1.5", "did not answer: ReadTimeout"),
    "redirects": ("inside", LINKS, r"moved to http://169\.254\.169\.254"),
    "leads_inside": ("next inside", LINKS, "not on an allowed host"),
    "other_pages": ("page size", NUMBERS, "the size of pages changed|rows came, and the total is"),
    "same_cursor": ("same cursor", CURSORS, "a page repeats"),
    "endless_cursor": ("endless", CURSORS + "max_parts = 40", r"more than 40 pages \(max_parts\)"),
    "endless_links": ("endless", LINKS + "max_parts = 40", r"more than 40 pages \(max_parts\)"),
    "bomb": ("gzip bomb", LINKS + "part_bytes = 1_000_000", "gave more than 1000000 bytes"),
}
EXPIRING = "expiring"


@dataclass
class Night:
    """What a night came to, how long it took, and what its largest child took."""

    home: Path
    environment: dict[str, str]
    gathers: dict[str, dict[str, Any]]
    releases: list[dict[str, Any]]
    seconds: float
    peak_mb: float


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """One night of a good province, one whose gateway's tokens end on the way, and the bad ones."""
    nights = Nights(tmp_path_factory.mktemp("gateways"))
    environment = dict(os.environ)
    with ExitStack() as stack:
        for name, (fault, more, _) in {**BAD, EXPIRING: ("expire", LINKS + OAUTH, "")}.items():
            nights.package(name)
            unit = nights.units[name]
            rows = [
                {"dv": unit, "ky": "2026-M10", "ct": f"VT.0{n}", "gt": str(10 - n)}
                for n in (3, 4, 5, 7)
            ]
            guard = "oauth2" if name == EXPIRING else "none"
            gateway = stack.enter_context(Gateway(rows, page_size=2, guard=guard))  # type: ignore[arg-type]
            gateway.fault, gateway.fault_from = fault, 0 if fault == "endless" else 2  # type: ignore[assignment]
            gateway.times, gateway.bomb_bytes = 1 if name == EXPIRING else None, 128 << 20
            text = SOURCE.format(
                upper=name.upper(), more=more.replace("TOKEN_URL", gateway.token_url)
            )
            if name == EXPIRING:
                environment |= {
                    variable(name, "id"): gateway.id,
                    variable(name, "secret"): gateway.secret,
                }
            path = nights.packages / name / "hub_provinces" / name / "telecom.toml"
            path.write_text(text, encoding="utf-8")
            nights.sources[name] = {"telecom": {"url": gateway.url}}
        home = nights.make(seconds=60, memory_mb=MEMORY)
        environment["HUB_HOME"] = str(home)
        began, peak = time.monotonic(), [0.0]
        words = [*HUB, "night", "--now", NIGHT, "--period", "2026-M10", "--json"]
        process = subprocess.Popen(
            words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        watch = threading.Thread(target=watched, args=(process, peak))
        watch.start()
        out, complaints = process.communicate(timeout=120)
        watch.join()
        seconds = time.monotonic() - began
    assert out, complaints
    assert "Traceback" not in complaints
    answer = json.loads(out)
    gathers = {each["province"]: each for each in answer["gathers"]}
    return Night(home, environment, gathers, answer["releases"], seconds, peak[0])


@pytest.mark.parametrize("name", BAD)
def test_a_bad_gateway_fails_its_own_run_by_name(night: Night, name: str) -> None:
    report = night.gathers[name]
    assert (report["outcome"], report["revisions"]) == ("failed", {}), report
    assert re.search(BAD[name][2], report["error"]), report["error"]
    assert f"province {name}, provision telecom" in report["error"]


def test_what_came_before_the_trouble_is_landed_and_never_sealed(night: Night) -> None:
    for name in BAD:
        [path] = (night.home / "landing" / name / "telecom" / "gathers").glob("*/landing.json")
        landing = json.loads(path.read_text(encoding="utf-8"))
        assert (landing["complete"], len(landing["parts"]) >= 1) == (False, True), name
        assert not (night.home / "landing" / name / "telecom" / "submissions").exists()


def test_a_token_that_ends_on_the_way_costs_nothing(night: Night) -> None:
    report = night.gathers[EXPIRING]
    assert (report["outcome"], report["error"], report["counts"]["admitted"]) == ("done", None, 4)


def test_the_release_holds_the_others(night: Night) -> None:
    assert night.gathers[GOOD]["outcome"] == "done"
    [released] = night.releases
    assert released["state"] == "frozen"
    reporters = {
        name.partition(".")[0].lower(): state for name, state in released["reporters"].items()
    }
    assert {name for name, state in reporters.items() if state in ("in", "late")} == {
        GOOD,
        EXPIRING,
    }
    assert {reporters[name] for name in BAD} == {"missing"}
    words = [*HUB, "release", "show", "TELECOM/2026-M10", "--json"]
    shown = json.loads(
        subprocess.run(words, env=night.environment, capture_output=True, check=True).stdout
    )
    assert "vn-quang-tri-2025" in {each["org_unit"] for each in shown["figures"]}


def test_the_night_ends_in_time_and_memory(night: Night) -> None:
    assert night.seconds < 60
    assert night.peak_mb < MEMORY
