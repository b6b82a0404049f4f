"""The case ``many``: a night of many small provisions, each system 50 ms away.

And one a year of nights later.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import aged
import many
from measure import Measured, measure
from table import Line, lines_of

HERE = Path(__file__).resolve().parent
HUB = str(Path(sys.executable).parent / "hub")
PERIOD, NEXT = "2026-M10", "2026-M11"
PROVINCES, DEPARTMENTS = 40, 25


def small_ones(
    build: Path,
    provinces: int = PROVINCES,
    departments: int = DEPARTMENTS,
    nights: int = aged.NIGHTS,
) -> tuple[list[Line], list[str]]:
    """The hub's first night, and one after a year of nights; what was wrong with them.

    Every provision is in, and the country's total is right.
    """
    home = build / "bench" / "many"
    rows = provinces * departments * many.INDICATORS
    taken: dict[tuple[str, str], list[Measured]] = {}
    problems: list[str] = []
    with subprocess.Popen(
        [sys.executable, str(HERE / "many_server.py")], stdout=subprocess.PIPE
    ) as server:
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            many.make_home(home, url, provinces, departments)
            for case, period in (("many", PERIOD), ("year on", NEXT)):
                command = [HUB, "night", "--home", str(home), "--period", period, "--json"]
                told = measure(command, build / "bench" / "many-said")
                taken[case, "hub"] = [told]
                problems += wrong(told, home, period, provinces, departments)
                if period == PERIOD:
                    aged.age(home, PERIOD, nights)
        finally:
            server.terminate()
    return lines_of(taken, rows), problems


def wrong(told: Measured, home: Path, period: str, provinces: int, departments: int) -> list[str]:
    """How a night's outcome differs from what the departments told."""
    if told.exit_code:
        return [
            f"many, {period}: hub night ended with {told.exit_code}: {told.complaints or told.output}"[
                :2000
            ]
        ]
    outcomes = Counter(each["outcome"] for each in json.loads(told.output)["gathers"])
    if outcomes != {"done": provinces * departments}:
        return [
            f"many, {period}: outcomes are {dict(outcomes)}, not done {provinces * departments} times"
        ]
    show = [HUB, "release", "show", f"{many.DATAFLOW}/{period}", "--home", str(home), "--json"]
    figures = json.loads(subprocess.run(show, capture_output=True, check=True).stdout)["figures"]
    found = {each["indicator"]: int(each["value"]) for each in figures if each["org_unit"] == "vn"}
    right: Counter[str] = Counter()
    for unit in many.districts(provinces, departments):
        for row in many.rows(unit, period):
            right[row["ma"].replace("Chỉ tiêu ", "MN.")] += int(row["gia_tri"])
    right = Counter({f"MN.{int(code[3:]):02d}": total for code, total in right.items()})
    return (
        []
        if found == dict(right)
        else [f"many, {period}: the country has {found}, not {dict(right)}"[:500]]
    )
