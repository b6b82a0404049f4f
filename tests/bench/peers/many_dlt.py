"""The night of small provisions with dlt: one pipeline, a parallel resource a department, SQL to add up.

Its parquet loader into DuckDB. ``python many_dlt.py URL FOLDER PERIOD PROVINCES DEPARTMENTS``: the
departments' address, and an empty folder to keep things in. One line of JSON says how many figures
were kept, and the sums of provinces and the country by indicator.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import duckdb
import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import many

SETTINGS = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}
DEEP = 200_000  # frames: dlt goes down one for each resource of a pipeline
CODES = many.codes()
ADD_UP = f"""
CREATE TABLE figure AS
WITH below AS (
  SELECT indicator, province AS org_unit, sum(value) AS value FROM observation GROUP BY ALL)
FROM below UNION ALL BY NAME
SELECT indicator, '{many.COUNTRY}' AS org_unit, sum(value) AS value FROM below GROUP BY ALL
"""


def department(url: str, unit: str, known: set[str], client: requests.Session) -> Any:
    """The resource of one department: the rows of its answer that are kept, mapped."""

    @dlt.resource(
        name=f"of_{unit.replace('-', '_')}",
        table_name="observation",
        write_disposition="append",
        parallelized=True,
    )
    def told() -> Iterator[list[dict[str, Any]]]:
        answer = client.get(url)
        answer.raise_for_status()
        kept, seen = [], set()
        for row in answer.json()["data"]:
            indicator, org_unit = CODES.get(row["ma"]), row["don_vi"]
            value = int(row["gia_tri"].replace(".", ""))
            key = indicator, org_unit, row["ky"]
            if indicator is None or org_unit not in known or value < 0 or key in seen:
                continue
            seen.add(key)
            kept.append(
                {
                    "indicator": indicator,
                    "org_unit": org_unit,
                    "province": org_unit.rpartition("-")[0],
                    "period": row["ky"],
                    "value": value,
                    "source": unit,
                }
            )
        yield kept

    return told


def main() -> None:
    """Load, add up, and say what came of it."""
    url, path, period, *counts = sys.argv[1:]
    folder, units = Path(path), many.districts(*map(int, counts))
    sys.setrecursionlimit(DEEP)
    os.environ |= {**SETTINGS, "DLT_DATA_DIR": str(folder / "dlt")}
    kept = str(folder / "night.duckdb")
    pipeline = dlt.pipeline("night", destination=dlt.destinations.duckdb(kept), dataset_name="hub")
    known, client = set(units), requests.Session()
    resources = [department(f"{url}/{unit}?ky={period}", unit, known, client) for unit in units]
    pipeline.run(resources, loader_file_format="parquet")
    with duckdb.connect(kept) as database:
        database.execute("USE hub")
        database.execute(ADD_UP)
        [(rows,)] = database.execute("SELECT count(*) FROM observation").fetchall()
        figures = database.execute("SELECT org_unit, indicator, value FROM figure").fetchall()
    totals: dict[str, dict[str, int]] = {}
    for org_unit, indicator, value in figures:
        totals.setdefault(org_unit, {})[indicator] = value
    print(json.dumps({"rows": rows, "totals": totals}))


if __name__ == "__main__":
    main()
