"""``make bench``: the hub beside others, in one table and ``build/bench.json``.

``json``: a night on a million rows of JSON, beside the floor. ``adding``: ten million sealed figures added up by every
rule, beside the same in SQL. Each is a fresh process, timed whole, in turn, three times; medians. Ends with 1 where
the hub's counts or totals are not what the rows say, or two answers differ: a fast wrong answer does not count.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import adding
import polars as pl
import workload
from environments import PEERS, python_of
from gen import Expected, generate
from home import make_home
from measure import Measured, measure

HERE = Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build"
HUB = str(Path(sys.executable).parent / "hub")
ROWS, SHORT = 1_000_000, 100_000
PAGE = 10_000
ROUNDS = 3


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """The address of the department's service, a process of its own."""
    with subprocess.Popen([sys.executable, str(HERE / "server.py"), str(data)], stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def night(home: Path, rows: int, url: str, scratch: Path) -> Measured:
    """One night of the hub from nothing: everything landed, sealed, admitted, added up and frozen."""
    make_home(home, f"{url}/{rows}/1/json?page=1&size={PAGE}")
    periods = [word for label in workload.labels(rows) for word in ("--period", label)]
    return measure([HUB, "night", "--home", str(home), *periods, "--json"], scratch)


def asked(*words: str) -> Any:
    """What the hub answers to a question."""
    return json.loads(subprocess.run([HUB, *words, "--json"], capture_output=True, check=True).stdout)


def wrong(told: Measured, home: Path, expected: Expected) -> list[str]:
    """How a night's outcome differs from what its rows say."""
    if told.exit_code:
        return [f"hub night ended with {told.exit_code}: {told.complaints or told.output}"[:2000]]
    said = json.loads(told.output)
    [gather] = said["gathers"]
    counts = gather["counts"]
    found = {
        "outcome": gather["outcome"],
        "rows": counts["rows"],
        "admitted": counts["admitted"],
        "absent": counts["absent"],
        "quarantined": counts["quarantined"],
        "releases": {each["period"]: each["state"] for each in said["releases"]},
    }
    right = {
        "outcome": "done",
        "rows": expected.rows,
        "admitted": expected.ok,
        "absent": 0,
        "quarantined": sum(expected.bad.values()),
        "releases": dict.fromkeys(workload.labels(expected.rows), "frozen"),
    }
    codes: dict[str, int] = {}
    for each in asked("finding", "list", "--home", str(home)):
        if each["severity"] in ("info", "warning"):
            continue  # of the bench's figures many are ten times the month before; no row leaves for that
        codes[each["code"]] = codes.get(each["code"], 0) + each["rows"]
    found |= {"findings": codes}
    right |= {"findings": {workload.RULES[kind]: rows for kind, rows in expected.bad.items() if rows}}
    problems = [f"{name}: {found[name]}, not {right[name]}" for name in right if found[name] != right[name]]
    for month, figures in expected.country.items():
        problems += _wrong_totals(home, month.replace("-", "-M"), figures)
    return problems


def _wrong_totals(home: Path, label: str, right: dict[str, str]) -> list[str]:
    """The country's figures in a release that are not those recomputed from the rows."""
    told = asked("release", "show", f"{workload.DATAFLOW}/{label}", "--home", str(home))
    found = {f["indicator"]: f["value"] for f in told["figures"] if f["org_unit"] == workload.COUNTRY}
    codes = [code for code in sorted(right | found) if found.get(code) != right.get(code)]
    return [f"{label} {code}: {found.get(code)}, not {right.get(code)}" for code in codes[:5]]


def floor(data: Path, rows: int, scratch: Path) -> Measured:
    """One process that decodes the same bytes."""
    return measure([sys.executable, str(HERE / "floor.py"), str(data / str(rows) / "day1"), str(PAGE)], scratch)


def added_up(rows: int, rounds: int, build: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Aggregation by the hub and in SQL: the table's lines, and where the two differ."""
    work = build / "bench"
    folder = adding.generate(work / "data", rows)
    rows = adding.rows_in(folder)
    commands = {
        "hub": [sys.executable, str(HERE / "adding_hub.py")],
        "duckdb": [str(python_of("duckdb", build)), str(PEERS / "adding_duckdb.py")],
    }
    taken: dict[str, list[Measured]] = {who: [] for who in commands}
    problems: list[str] = []
    for _ in range(rounds):
        for who, command in commands.items():
            result = work / f"added-{who}.parquet"
            result.unlink(missing_ok=True)
            told = measure([*command, str(folder), str(result)], work / who)
            taken[who].append(told)
            if told.exit_code:
                return [], [f"{who}: {told.complaints}"[:2000]]
        problems += different(*(work / f"added-{who}.parquet" for who in commands))
    return lines_of("adding", rows, taken), problems


def different(ours: Path, theirs: Path) -> list[str]:
    """How many figures of two results are not the same to the last digit, and one of them."""
    hub, sql = pl.read_parquet(ours), pl.read_parquet(theirs)
    key = ["indicator", "org_unit", "period", "calendar", "measure", "dims"]
    value = pl.col("micro").cast(pl.Decimal(38, 6)) / 1_000_000
    same = sql.with_columns(value=value).select(hub.columns).cast(dict(hub.schema))
    both = hub.join(same, on=key, how="full", suffix="_sql")
    told = [name for name in hub.columns if name not in key]
    alike = [pl.col(name).eq_missing(pl.col(f"{name}_sql")) for name in (*key, *told)]
    wrong = both.filter(~pl.all_horizontal(alike))
    return [f"adding: {wrong.height} figures differ, as {wrong.row(0)}"] if wrong.height else []


def bench(rows: int, rounds: int, build: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """A night of the hub and the floor: the table's lines, and what was wrong with any night."""
    work = build / "bench"
    data = work / "data"
    expected = generate(data, rows)
    taken: dict[str, list[Measured]] = {"hub": [], "floor": []}
    problems: list[str] = []
    with serving(data) as url:
        for n in range(rounds):
            taken["hub"].append(night(work / "home", rows, url, work / "hub"))
            problems += [f"night {n + 1}: {what}" for what in wrong(taken["hub"][-1], work / "home", expected)]
            taken["floor"].append(floor(data, rows, work / "floor"))
            if taken["floor"][-1].output.strip() != str(rows):
                problems.append(f"floor: {taken['floor'][-1].output} {taken['floor'][-1].complaints}")
    return lines_of("json", rows, taken), problems


def lines_of(case: str, rows: int, taken: dict[str, list[Measured]]) -> list[dict[str, Any]]:
    """The table's lines of a case: the medians of each."""
    return [
        {
            "case": case,
            "who": who,
            "rows": rows,
            "wall_s": round(median(each.wall_s for each in runs), 3),
            "cpu_s": round(median(each.cpu_s for each in runs), 3),
            "peak_mb": round(median(each.peak_mb for each in runs), 1),
        }
        for who, runs in taken.items()
    ]


def table(lines: list[dict[str, Any]]) -> Iterator[str]:
    """The lines as aligned text, each figure beside how many times it is that of the last of its case."""
    least = {(line["case"], line["rows"]): line for line in lines}
    yield f"{'case':8}{'who':8}{'rows':>11}{'wall s':>16}{'CPU s':>16}{'peak MiB':>18}"
    for line in lines:
        low = least[line["case"], line["rows"]]
        told = f"{line['case']:8}{line['who']:8}{line['rows']:>11,}"
        for name, width in (("wall_s", 9), ("cpu_s", 9), ("peak_mb", 11)):
            told += f"{line[name]:>{width}.{1 if name == 'peak_mb' else 2}f} {line[name] / low[name]:>5.1f}x"
        yield told


def main() -> int:
    """Measure, say what came of it, and keep it in ``bench.json``."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=["json", "adding"], help="one case only")
    parser.add_argument("--short", action="store_true", help=f"{SHORT:,} rows, once")
    parser.add_argument("--rows", type=int, help="how many rows, in whole thousands")
    parser.add_argument("--rounds", type=int, help="how often each is run")
    parser.add_argument("--build", type=Path, default=BUILD, help="where bench.json and the bench's own files go")
    args = parser.parse_args()
    rows = args.rows or (SHORT if args.short else ROWS)
    rounds = args.rounds or (1 if args.short else ROUNDS)
    lines: list[dict[str, Any]] = []
    problems: list[str] = []
    if args.case != "adding":
        told, wrongs = bench(rows, rounds, args.build)
        lines, problems = lines + told, problems + wrongs
    if args.case != "json":
        told, wrongs = added_up(rows if args.short or args.rows else adding.FULL, rounds, args.build)
        lines, problems = lines + told, problems + wrongs
    (args.build / "bench.json").write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")
    print(*table(lines), *(f"! {problem}" for problem in problems), sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
