"""What every peer of the case ``json`` is given, and how it says what it found; standard library alone.

``python json_PEER.py URL FOLDER``: the first page's address, and an empty folder to keep things in.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import workload

INDICATORS = {told.local: told for told in workload.indicators()}
ORG_UNITS = {told.local: told for told in workload.org_units()}
NUMBER = "-?([0-9]{1,3}([.][0-9]{3})+|[0-9]+)(,[0-9]+)?"  # 1.234,5
FIELDS, CELLS = workload.FIELDS, workload.PERIOD_ROWS
_NUMBERS = {told.id: n for n, told in enumerate(ORG_UNITS.values())}
_NUMBER = re.compile(NUMBER)

# figures of provinces and the country by month, from observation, indicator and org_unit; DuckDB
# and SQLite
ADD_UP = """
CREATE TABLE figure AS
WITH
below AS (
  SELECT o.period, o.indicator, u.province, sum(o.value) AS top, NULL AS bottom
  FROM observation o JOIN indicator i ON i.code = o.indicator JOIN org_unit u ON u.id = o.org_unit
  WHERE i.weight IS NULL
  GROUP BY o.period, o.indicator, u.province
  UNION ALL
  SELECT o.period, o.indicator, u.province, sum(o.value * w.value), sum(w.value)
  FROM observation o JOIN indicator i ON i.code = o.indicator JOIN org_unit u ON u.id = o.org_unit
  JOIN observation w ON w.period = o.period AND w.org_unit = o.org_unit AND w.indicator = i.weight
  GROUP BY o.period, o.indicator, u.province),
placed AS (
  SELECT period, indicator, province AS org_unit, top, bottom FROM below
  UNION ALL
  SELECT period, indicator, 'vn', sum(top), sum(bottom) FROM below GROUP BY period, indicator)
SELECT period, indicator, org_unit, CASE WHEN bottom IS NULL THEN top ELSE top * 1.0 / nullif(bottom, 0) END AS value
FROM placed
"""
COUNTRY = f"SELECT period, indicator, value FROM figure WHERE org_unit = '{workload.COUNTRY}' AND value IS NOT NULL"


def given() -> tuple[str, Path]:
    """The first page's address, and the folder."""
    return sys.argv[1], Path(sys.argv[2])


def number(text: str) -> float | None:
    """A figure as people write it here; None where it is none."""
    return float(text.replace(".", "").replace(",", ".")) if _NUMBER.fullmatch(text) else None


def cell(org_unit: workload.OrgUnit, indicator: workload.Indicator) -> int:
    """Which of a period's cells a figure stands in."""
    return _NUMBERS[org_unit.id] * workload.INDICATORS + indicator.number


def indicator_rows() -> list[tuple[int, str, str, bool, str | None]]:
    """Number, local word, code, whether it may be negative, and the code of what weighs it."""
    told = workload.indicators()
    return [
        (i.number, i.local, i.code, i.signed, None if i.weight is None else told[i.weight].code)
        for i in told
    ]


def org_unit_rows() -> list[tuple[int, str, str, str]]:
    """Number, local word, id and province."""
    return [(n, u.local, u.id, u.province) for n, u in enumerate(workload.org_units())]


def master_data_in(database: Any) -> None:
    """The catalogue as DuckDB's tables ``indicator`` and ``org_unit``."""
    tables = {
        "indicator": (
            indicator_rows(),
            "n INTEGER, local VARCHAR, code VARCHAR, signed BOOLEAN, weight VARCHAR",
        ),
        "org_unit": (org_unit_rows(), "n INTEGER, local VARCHAR, id VARCHAR, province VARCHAR"),
    }
    for name, (rows, columns) in tables.items():
        database.execute(f"CREATE TABLE {name} ({columns})")
        by_column = list(zip(*rows, strict=True))
        places = ", ".join(["unnest(?)"] * len(by_column))
        database.execute(f"INSERT INTO {name} SELECT {places}", [list(each) for each in by_column])


def say_from(database: Any) -> None:
    """The same from DuckDB's tables."""
    [(accepted,)] = database.execute("SELECT count(*) FROM observation").fetchall()
    rejected = database.execute("SELECT reason, count(*) FROM rejected GROUP BY reason").fetchall()
    say(accepted, dict(rejected), database.execute(COUNTRY).fetchall())


def say(accepted: int, rejected: dict[str, int], figures: list[tuple[str, str, object]]) -> None:
    """One line of JSON: rows kept, rows rejected by rule, and the country's figures by period."""
    country: dict[str, dict[str, float]] = {}
    for period, indicator, value in figures:
        country.setdefault(period, {})[indicator] = float(value)
    print(json.dumps({"accepted": accepted, "rejected": rejected, "country": country}))
