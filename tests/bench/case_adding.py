"""The case ``adding``: ten million sealed figures added up by every rule, by the hub and in SQL."""

from __future__ import annotations

import sys
from pathlib import Path

import adding
import polars as pl
from environments import PEERS, python_of
from measure import Measured, measure
from table import Line, lines_of

HERE = Path(__file__).resolve().parent


def added_up(rows: int, rounds: int, build: Path) -> tuple[list[Line], list[str]]:
    """Aggregation by the hub and in SQL: the table's lines, and where the two differ."""
    work = build / "bench"
    folder = adding.generate(work / "data", rows)
    rows = adding.rows_in(folder)
    commands = {
        "hub": [sys.executable, str(HERE / "adding_hub.py")],
        "duckdb": [str(python_of("duckdb")), str(PEERS / "adding_duckdb.py")],
    }
    taken: dict[tuple[str, str], list[Measured]] = {("adding", who): [] for who in commands}
    problems: list[str] = []
    for _ in range(rounds):
        for who, command in commands.items():
            result = work / f"added-{who}.parquet"
            result.unlink(missing_ok=True)
            told = measure([*command, str(folder), str(result)], work / who)
            taken["adding", who].append(told)
            if told.exit_code:
                return [], [f"{who}: {told.complaints}"[:2000]]
        problems += different(*(work / f"added-{who}.parquet" for who in commands))
    return lines_of(taken, rows), problems


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
