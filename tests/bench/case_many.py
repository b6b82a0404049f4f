"""The case ``many``: a night of many small provisions, each system 50 ms away."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import many
from measure import Measured, measure
from table import Line, lines_of

HERE = Path(__file__).resolve().parent
HUB = str(Path(sys.executable).parent / "hub")
PERIOD = "2026-M10"
PROVINCES, DEPARTMENTS = 40, 25


def small_ones(build: Path, provinces: int = PROVINCES, departments: int = DEPARTMENTS) -> tuple[list[Line], list[str]]:
    """One night of the hub, and what was wrong with it: every provision is in, and the country's total is right."""
    home = build / "bench" / "many"
    with subprocess.Popen([sys.executable, str(HERE / "many_server.py")], stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            many.make_home(home, url, provinces, departments)
            command = [HUB, "night", "--home", str(home), "--period", PERIOD, "--json"]
            told = measure(command, build / "bench" / "many-said")
        finally:
            server.terminate()
    rows = provinces * departments * many.INDICATORS
    return lines_of({("many", "hub"): [told]}, rows), wrong(told, home, provinces, departments)


def wrong(told: Measured, home: Path, provinces: int, departments: int) -> list[str]:
    """How a night's outcome differs from what the departments told."""
    if told.exit_code:
        return [f"many: hub night ended with {told.exit_code}: {told.complaints or told.output}"[:2000]]
    outcomes = Counter(each["outcome"] for each in json.loads(told.output)["gathers"])
    if outcomes != {"done": provinces * departments}:
        return [f"many: outcomes are {dict(outcomes)}, not done {provinces * departments} times"]
    show = [HUB, "release", "show", f"{many.DATAFLOW}/{PERIOD}", "--home", str(home), "--json"]
    figures = json.loads(subprocess.run(show, capture_output=True, check=True).stdout)["figures"]
    found = {each["indicator"]: int(each["value"]) for each in figures if each["org_unit"] == "vn"}
    right: Counter[str] = Counter()
    for unit in many.districts(provinces, departments):
        for row in many.rows(unit, PERIOD):
            right[row["ma"].replace("Chỉ tiêu ", "MN.")] += int(row["gia_tri"])
    right = Counter({f"MN.{int(code[3:]):02d}": total for code, total in right.items()})
    return [] if found == dict(right) else [f"many: the country has {found}, not {dict(right)}"[:500]]
