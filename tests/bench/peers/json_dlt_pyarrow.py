"""The night with dlt fed with pyarrow tables as they came.

Loaded through parquet, then mapped and added up in SQL.
"""

import os
from collections.abc import Iterator
from urllib.parse import urljoin

import dlt
import duckdb
import job
import pyarrow as pa
from dlt.sources.helpers import requests
from pyarrow import json as arrow_json

SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "100000",
}
ROW = pa.struct([(name, pa.string()) for name in job.FIELDS])
PAGE = arrow_json.ParseOptions(
    explicit_schema=pa.schema([("next", pa.string()), ("data", pa.list_(ROW))]),
    unexpected_field_behavior="ignore",
)

# a row's figure and the first rule that it breaks; of rows with one key the first stays
MAP = [
    f"""
CREATE TEMP TABLE told AS
SELECT row, i.code AS indicator, u.id AS org_unit, ky AS period, value, trang_thai AS status, u.n * 100 + i.n AS cell,
       CASE WHEN i.code IS NULL OR u.id IS NULL THEN 'V001'
            WHEN value IS NULL THEN 'V002'
            WHEN value < 0 AND NOT i.signed THEN 'V005' END AS reason
FROM (SELECT *, CASE WHEN regexp_full_match(gia_tri, '{job.NUMBER}')
                     THEN translate(gia_tri, ',.', '.')::DECIMAL(18, 3) END AS value FROM pages)
LEFT JOIN indicator i ON i.local = ma_chi_tieu LEFT JOIN org_unit u ON u.local = don_vi
""",
    """
CREATE TEMP TABLE repeated AS
WITH keys AS (SELECT period, cell FROM told WHERE reason IS NULL GROUP BY period, cell HAVING count(*) > 1)
SELECT row FROM told SEMI JOIN keys USING (period, cell) WHERE reason IS NULL
QUALIFY row_number() OVER (PARTITION BY period, cell ORDER BY row) > 1
""",
    """
CREATE TABLE observation AS
SELECT indicator, org_unit, period, value, status, row FROM told WHERE reason IS NULL AND row NOT IN (FROM repeated)
""",
    """
CREATE TABLE rejected AS
SELECT pages.*, coalesce(reason, 'V006') AS reason FROM pages JOIN told USING (row)
WHERE reason IS NOT NULL OR row IN (FROM repeated)
""",
]


@dlt.resource
def pages(url: str) -> Iterator[pa.Table]:
    """The department's pages, each as a table with the number of each row."""
    client, first = requests.Client().session, 0
    while url:
        body = client.get(url).content
        options = arrow_json.ReadOptions(use_threads=False, block_size=len(body) + 1)
        page = arrow_json.read_json(pa.BufferReader(body), options, PAGE)
        rows = pa.Table.from_struct_array(page["data"].combine_chunks().flatten())
        yield rows.append_column("row", pa.array(range(first, first + len(rows)), pa.int64()))
        first += len(rows)
        url = urljoin(url, following) if (following := page["next"][0].as_py()) else ""


def main() -> None:
    """Load, map, add up, and say what came of it."""
    url, folder = job.given()
    os.environ |= {**SETTINGS, "DLT_DATA_DIR": str(folder / "dlt")}
    path = str(folder / "night.duckdb")
    pipeline = dlt.pipeline("night", destination=dlt.destinations.duckdb(path), dataset_name="hub")
    pipeline.run(pages(url), loader_file_format="parquet")
    with duckdb.connect(path) as database:
        database.execute("USE hub")
        job.master_data_in(database)
        for step in (*MAP, job.ADD_UP):
            database.execute(step)
        job.say_from(database)


if __name__ == "__main__":
    main()
