"""The case ``many``: a night of many small provisions, each system 50 ms away, by the hub and by dlt.

``year on``: the hub's night a year of nights later. How many figures are kept, and the totals of
the provinces and the country, are held against what the departments told.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aged
import many
from case_json import HUB, Night, asked, serving
from environments import PEERS, python_of
from measure import Measured, measure
from table import Line, lines_of

PERIOD, NEXT = "2026-M10", "2026-M11"
WHO = ("hub", "dlt")
Totals = dict[str, dict[str, int]]  # by org unit and indicator


@dataclass(frozen=True, slots=True)
class Size:
    """How many provinces, how many departments in each, and how many nights until the last one."""

    provinces: int
    departments: int
    nights: int

    @property
    def rows(self) -> int:
        """How many figures a night brings."""
        return self.provinces * self.departments * many.INDICATORS

    def totals(self, period: str) -> Totals:
        """What the departments told, added up."""
        return many.totals(self.provinces, self.departments, period)


FULL, SHORT = Size(40, 25, aged.NIGHTS), Size(2, 3, 30)


def small_ones(
    size: Size, rounds: int, who: tuple[str, ...], build: Path
) -> tuple[list[Line], list[str]]:
    """Each of ``who`` in turn: the table's lines, and what was wrong with any night."""
    work = build / "bench"
    if "dlt" in who:
        python_of("dlt")
    taken: dict[tuple[str, str], list[Measured]] = {}
    problems: list[str] = []
    with serving("many_server.py") as address:
        for n in range(rounds):
            for each in who:
                of_each = hub if each == "hub" else dlt
                for case, told, wrongs in of_each(address, size, work):
                    taken.setdefault((case, each), []).append(told)
                    problems += [f"{each}, {case}, round {n + 1}: {what}" for what in wrongs]
    return lines_of(taken, size.rows), problems


def hub(address: str, size: Size, work: Path) -> Iterator[Night]:
    """The hub's first night, and one a year of nights later."""
    home = many.make_home(work / "many", address, size.provinces, size.departments)
    for case, period in (("many", PERIOD), ("year on", NEXT)):
        command = [HUB, "night", "--home", str(home), "--period", period, "--json"]
        told = measure(command, work / "many-hub")
        yield case, told, wrong(told, home, period, size)
        if period == PERIOD:
            aged.age(home, PERIOD, size.nights)


def dlt(address: str, size: Size, work: Path) -> Iterator[Night]:
    """The night with dlt, into an empty folder."""
    folder = work / "many-dlt" / "kept"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    words = [address, str(folder), PERIOD, str(size.provinces), str(size.departments)]
    told = measure([str(python_of("dlt")), str(PEERS / "many_dlt.py"), *words], folder.parent)
    if told.exit_code:
        yield "many", told, [f"ended with {told.exit_code}: {told.complaints[-2000:]}"]
    else:
        yield "many", told, wrong_in(json.loads(told.output), size.rows, size.totals(PERIOD))


def wrong(told: Measured, home: Path, period: str, size: Size) -> list[str]:
    """How the outcome of a night of the hub differs from what the departments told."""
    if told.exit_code:
        return [f"hub night ended with {told.exit_code}: {told.complaints or told.output}"[:2000]]
    gathers = json.loads(told.output)["gathers"]
    outcomes = Counter(each["outcome"] for each in gathers)
    provisions = size.provinces * size.departments
    if outcomes != {"done": provisions}:
        return [f"outcomes are {dict(outcomes)}, not done {provisions} times"]
    due = size.totals(period)
    release = asked("release", "show", f"{many.DATAFLOW}/{period}", "--home", str(home))
    totals: Totals = {}
    for figure in release["figures"]:
        if figure["org_unit"] in due:  # a release holds the districts too
            of_unit = totals.setdefault(figure["org_unit"], {})
            of_unit[figure["indicator"]] = int(figure["value"])
    rows = sum(each["counts"]["admitted"] for each in gathers)
    return wrong_in({"rows": rows, "totals": totals}, size.rows, due)


def wrong_in(told: dict[str, Any], rows: int, due: Totals) -> list[str]:
    """How what is said of a night differs from what the departments told, to the last digit."""
    problems = [f"rows: {told['rows']}, not {rows}"] if told["rows"] != rows else []
    for org_unit in sorted(due | told["totals"]):
        found, right = told["totals"].get(org_unit, {}), due.get(org_unit, {})
        problems += [
            f"{org_unit} {code}: {found.get(code)}, not {right.get(code)}"
            for code in sorted(found | right)
            if found.get(code) != right.get(code)
        ]
    return problems[:7]
