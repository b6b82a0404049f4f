"""``make bench``: the hub beside others, in one table and ``build/bench.json``.

``json``: a night on JSON, beside peers that do the same work and the floor. ``adding``: ten million
sealed figures added up by every rule, beside the same in SQL. ``many``: a night of a thousand small
provisions, beside dlt. Each is a fresh process, timed whole, in turn; medians. Ends with 1 where counts or
totals are not what the rows say, or two answers differ: a fast wrong answer does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import adding
import case_many
from case_adding import added_up
from case_json import WHO, nights
from table import Line, table

BUILD = Path(__file__).resolve().parents[2] / "build"
SHORT = 100_000
ROUNDS = 3
# rows, rounds and who; at ten million the other peers take a quarter of an hour or all of the
# memory
SIZES = [(1_000_000, ROUNDS, WHO), (10_000_000, 1, ("hub", "dlt", "dlt-pyarrow", "floor"))]


def asked_for() -> argparse.Namespace:
    """What is to be measured."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=["json", "adding", "many"], help="one case only")
    parser.add_argument(
        "--only", help=f"in turn, of json: {','.join(WHO)}; of many: {','.join(case_many.WHO)}"
    )
    parser.add_argument("--short", action="store_true", help=f"{SHORT:,} rows, once")
    parser.add_argument(
        "--rows", type=int, help="how many rows, in whole thousands; else a million, and ten"
    )
    parser.add_argument(
        "--rounds",
        type=int,
        help=f"how often each is run; else {ROUNDS} times, ten million rows and many once",
    )
    parser.add_argument(
        "--build", type=Path, default=BUILD, help="where bench.json and the bench's own files go"
    )
    args = parser.parse_args()
    args.only = tuple(args.only.split(",")) if args.only else None
    known = case_many.WHO if args.case == "many" else WHO
    if unknown := set(args.only or ()) - set(known):
        parser.error(f"--only knows {', '.join(known)}, not {', '.join(sorted(unknown))}")
    return args


def main() -> int:
    """Measure, say what came of it, and keep it in ``bench.json``."""
    args = asked_for()
    rows = args.rows or (SHORT if args.short else None)
    rounds = args.rounds or (1 if args.short else None)
    lines: list[Line] = []
    problems: list[str] = []
    if args.case in (None, "json"):
        for size, times, who in [(rows, ROUNDS, WHO)] if rows else SIZES:
            told, wrongs = nights(size, rounds or times, args.only or who, args.build)
            lines, problems = lines + told, problems + wrongs
    if args.case in (None, "adding"):
        told, wrongs = added_up(rows or adding.FULL, rounds or ROUNDS, args.build)
        lines, problems = lines + told, problems + wrongs
    if args.case in (None, "many"):
        who = tuple(each for each in args.only or case_many.WHO if each in case_many.WHO)
        size = case_many.SHORT if args.short else case_many.FULL
        told, wrongs = case_many.small_ones(size, rounds or 1, who, args.build)
        lines, problems = lines + told, problems + wrongs
    (args.build / "bench.json").write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores", *table(lines), sep="\n")
    print(*(f"! {problem}" for problem in problems), sep="\n", end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
