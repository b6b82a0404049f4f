"""The case ``json``: a night on pages of JSON by the hub and by its peers, and the hub's second nights after it.

``same``: the same pages once more, in full. ``changed``: the next day's, of which 2 % are revised.
Counts, findings and the country's figures of each night are held against what the rows say.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import workload
from environments import PEERS, python_of
from gen import Expected, generate
from home import make_home, point
from measure import Measured, measure
from table import Line, lines_of

HERE = Path(__file__).resolve().parent
HUB = str(Path(sys.executable).parent / "hub")
PAGE = 10_000
# who, by the file of what it needs and its script
SCRIPTS = {
    "dlt": ("dlt", "json_dlt.py"),
    "dlt-pyarrow": ("dlt", "json_dlt_pyarrow.py"),
    "naive": ("naive", "json_naive.py"),
    "pandas": ("pandas", "json_pandas.py"),
}
WHO = ("hub", *SCRIPTS, "floor")


@dataclass(frozen=True, slots=True)
class Service:
    """The department's service, and where the bench keeps what belongs to it."""

    address: str
    rows: int
    work: Path  # holds data/, home/, and a folder for each who

    def first_page(self, day: int) -> str:
        """Where a day's rows begin."""
        return f"{self.address}/{self.rows}/{day}/json?page=1&size={PAGE}"


Night = tuple[str, Measured, list[str]]  # the case, what it took, what was wrong


def nights(
    rows: int, rounds: int, who: tuple[str, ...], build: Path
) -> tuple[list[Line], list[str]]:
    """Each of ``who`` in turn: the table's lines, and what was wrong with any night."""
    work = build / "bench"
    days = {day: generate(work / "data", rows, day) for day in ((1, 2) if "hub" in who else (1,))}
    for each in set(who) & set(SCRIPTS):
        python_of(SCRIPTS[each][0])
    taken: dict[tuple[str, str], list[Measured]] = {}
    problems: list[str] = []
    with serving("server.py", str(work / "data")) as address:
        service = Service(address, rows, work)
        for n in range(rounds):
            for each in who:
                for case, told, wrongs in _nights_of(each, service, days):
                    taken.setdefault((case, each), []).append(told)
                    problems += [f"{each}, {case}, round {n + 1}: {what}" for what in wrongs]
    return lines_of(taken, rows), problems


def _nights_of(who: str, service: Service, days: dict[int, Expected]) -> Iterator[Night]:
    if who == "hub":
        yield from hub(service, days)
    elif who == "floor":
        yield floor(service)
    else:
        yield peer(who, service, days[1])


@contextmanager
def serving(script: str, *words: str) -> Iterator[str]:
    """The address of a service of the bench's, a process of its own."""
    command = [sys.executable, str(HERE / script), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def floor(service: Service) -> Night:
    """One process that decodes the same bytes."""
    folder = service.work / "data" / str(service.rows) / "day1"
    told = measure(
        [sys.executable, str(HERE / "floor.py"), str(folder), str(PAGE)], service.work / "floor"
    )
    problems = [] if told.output.strip() == str(service.rows) else [told.output + told.complaints]
    return "json", told, problems


def peer(who: str, service: Service, expected: Expected) -> Night:
    """A peer's night into an empty folder."""
    named, script = SCRIPTS[who]
    folder = service.work / who / "kept"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = [str(python_of(named)), str(PEERS / script), service.first_page(1), str(folder)]
    told = measure(command, service.work / who)
    if told.exit_code:
        return "json", told, [f"ended with {told.exit_code}: {told.complaints[-2000:]}"]
    return "json", told, wrong_in(json.loads(told.output), expected)


def wrong_in(told: dict[str, Any], expected: Expected) -> list[str]:
    """How what a peer says differs from what the rows say.

    Peers count in floats and do not round: a figure is right that is a release's but for its
    rounding and 1e-9 of it.
    """
    rejected = {workload.RULES[kind]: rows for kind, rows in expected.bad.items() if rows}
    pairs = {"accepted": (told["accepted"], expected.ok), "rejected": (told["rejected"], rejected)}
    problems = [
        f"{name}: {found}, not {right}" for name, (found, right) in pairs.items() if found != right
    ]
    half = 0.5 * 10**-workload.DECIMALS
    for month in sorted(expected.country | told["country"]):
        found, right = told["country"].get(month, {}), expected.country.get(month, {})
        for code in sorted(found | right):
            value, figure = found.get(code, math.nan), float(right.get(code, "nan"))
            if not abs(value - figure) <= half + 1e-9 * abs(figure):
                problems.append(f"{month} {code}: {value}, not {figure}")
    return problems[:7]


def hub(service: Service, days: dict[int, Expected]) -> Iterator[Night]:
    """A night from nothing: everything landed, sealed, admitted, added up, frozen.

    Then the two second nights.
    """
    home = make_home(service.work / "home", service.first_page(1))
    labels = workload.labels(service.rows)
    told = _night(home, service)
    yield "json", told, wrong(told, home, days[1]) + _findings(told, home, days[1])
    told = _night(home, service)
    yield "same", told, wrong(told, home, days[1], "unchanged") + _written(home, 2, len(labels))
    point(home, service.first_page(2))
    told = _night(home, service)
    yield (
        "changed",
        told,
        wrong(told, home, days[2], changed=days[2].revised) + _written(home, 3, 2 * len(labels)),
    )


def _night(home: Path, service: Service) -> Measured:
    periods = [word for label in workload.labels(service.rows) for word in ("--period", label)]
    return measure([HUB, "night", "--home", str(home), *periods, "--json"], service.work / "hub")


def asked(*words: str) -> Any:
    """What the hub answers to a question."""
    return json.loads(
        subprocess.run([HUB, *words, "--json"], capture_output=True, check=True).stdout
    )


def wrong(
    told: Measured, home: Path, expected: Expected, outcome: str = "done", changed: int = 0
) -> list[str]:
    """How a night's outcome differs from what its rows say.

    ``changed`` rows are revised, or else all are alike.
    """
    if told.exit_code:
        return [f"hub night ended with {told.exit_code}: {told.complaints or told.output}"[:2000]]
    said = json.loads(told.output)
    [gather] = said["gathers"]
    counts = {
        name: gather["counts"][name]
        for name in ("rows", "admitted", "absent", "quarantined", "changed")
    }
    releases = {each["period"]: each["state"] for each in said["releases"]}
    bad = sum(expected.bad.values())
    state = "unchanged" if outcome == "unchanged" else "frozen"
    right = {
        "outcome": (gather["outcome"], outcome),
        "rows": (counts["rows"], expected.rows),
        "admitted": (counts["admitted"], expected.ok),
        "absent": (counts["absent"], 0),
        "quarantined": (counts["quarantined"], bad),
        "changed": (counts["changed"], changed),
        "releases": (releases, dict.fromkeys(workload.labels(expected.rows), state)),
    }
    problems = [
        f"{name}: {found}, not {due}" for name, (found, due) in right.items() if found != due
    ]
    for month, figures in expected.country.items():
        problems += _wrong_totals(home, month.replace("-", "-M"), figures)
    return problems


def _findings(told: Measured, home: Path, expected: Expected) -> list[str]:
    """What the hub found wrong with rows, where that is not what is wrong with them."""
    if told.exit_code:
        return []  # said already
    codes: dict[str, int] = {}
    for each in asked("finding", "list", "--home", str(home)):
        if each["severity"] in ("info", "warning"):
            # of the bench's figures many are ten times the month before; no row leaves for that
            continue
        codes[each["code"]] = codes.get(each["code"], 0) + each["rows"]
    due = {workload.RULES[kind]: rows for kind, rows in expected.bad.items() if rows}
    return [] if codes == due else [f"findings: {codes}, not {due}"]


def _written(home: Path, runs: int, revisions: int) -> list[str]:
    """How many runs and revisions there are by now, where that is not so many."""
    told = asked("status", "--runs", "100", "--home", str(home))["runs"]
    kept = asked("revision", "list", "bench/pages", "--home", str(home))
    pairs = (("runs", len(told), runs), ("revisions", len(kept), revisions))
    return [f"{name}: {found}, not {due}" for name, found, due in pairs if found != due]


def _wrong_totals(home: Path, label: str, right: dict[str, str]) -> list[str]:
    """The country's figures in a release that are not those recomputed from the rows."""
    told = asked("release", "show", f"{workload.DATAFLOW}/{label}", "--home", str(home))
    found = {
        f["indicator"]: f["value"] for f in told["figures"] if f["org_unit"] == workload.COUNTRY
    }
    codes = [code for code in sorted(right | found) if found.get(code) != right.get(code)]
    return [f"{label} {code}: {found.get(code)}, not {right.get(code)}" for code in codes[:5]]
