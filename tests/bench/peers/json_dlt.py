"""The night with dlt: its REST source, mapping and rules in Python, its parquet loader into DuckDB, SQL to add up.

The default loader writes INSERT statements, for which DuckDB needs gigabytes at 100,000 rows.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import dlt
import duckdb
import job
from dlt.sources.rest_api import rest_api_source

SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
    "DATA_WRITER__FILE_MAX_ITEMS": "250000",  # so that both workers have something to do
    "NORMALIZE__WORKERS": "2",
}
COLUMNS: Any = {
    "indicator": {"data_type": "text"},
    "org_unit": {"data_type": "text"},
    "period": {"data_type": "text"},
    "value": {"data_type": "double"},
    "status": {"data_type": "text"},
    "row": {"data_type": "bigint"},
}


def pages(url: str) -> Any:
    """The department's rows, page by page, by dlt's own REST source."""
    told = urlsplit(url)
    endpoint = {
        "path": told.path,
        "params": dict(pair.split("=") for pair in told.query.split("&")),
        "data_selector": "data",
        "paginator": {"type": "json_link", "next_url_path": "next"},
    }
    client = {"base_url": f"{told.scheme}://{told.netloc}"}
    source: Any = {"client": client, "resources": [{"name": "pages", "endpoint": endpoint}]}
    return rest_api_source(source).resources["pages"]


@dlt.transformer(name="observation", columns=COLUMNS, max_table_nesting=0)
def observation(
    page: list[dict[str, str]], seen: defaultdict[str, bytearray], told: list[int]
) -> Iterator[Any]:
    """A page's rows that are kept, and those that are not with the reason."""
    kept, rejected = [], []
    for row in page:
        told[0] += 1
        indicator, org_unit = (
            job.INDICATORS.get(row["ma_chi_tieu"]),
            job.ORG_UNITS.get(row["don_vi"]),
        )
        reason = ""
        if indicator is None or org_unit is None:
            reason = "V001"
        elif (value := job.number(row["gia_tri"])) is None:
            reason = "V002"
        elif value < 0 and not indicator.signed:
            reason = "V005"
        elif (cells := seen[row["ky"]])[cell := job.cell(org_unit, indicator)]:
            reason = "V006"
        if reason:
            rejected.append({**row, "row": told[0], "reason": reason})
            continue
        cells[cell] = 1
        kept.append(
            {
                "indicator": indicator.code,
                "org_unit": org_unit.id,
                "period": row["ky"],
                "value": value,
                "status": row["trang_thai"],
                "row": told[0],
            }
        )
    yield kept
    if rejected:
        yield dlt.mark.with_table_name(rejected, "rejected")


def main() -> None:
    """Load, add up, and say what came of it."""
    url, folder = job.given()
    os.environ |= {**SETTINGS, "DLT_DATA_DIR": str(folder / "dlt")}
    path = str(folder / "night.duckdb")
    pipeline = dlt.pipeline("night", destination=dlt.destinations.duckdb(path), dataset_name="hub")
    pipeline.run(
        pages(url) | observation(defaultdict(lambda: bytearray(job.CELLS)), [0]),
        loader_file_format="parquet",
    )
    with duckdb.connect(path) as database:
        database.execute("USE hub")
        job.master_data_in(database)
        database.execute(job.ADD_UP)
        job.say_from(database)


if __name__ == "__main__":
    main()
