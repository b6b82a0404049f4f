"""The floor under the bench: one process decodes the same pages with polars and does nothing else.

``python floor.py FOLDER [ROWS A PAGE]``: pages come from the generated file, not over HTTP; whoever
calls times it.
"""

from __future__ import annotations

import array
import sys
from pathlib import Path

import polars as pl
from workload import FIELDS

CHUNK = 1000  # rows between two entries of the index


def decode(folder: Path, page_rows: int) -> int:
    """How many rows there are, each of them decoded."""
    index = array.array("Q", (folder / "records.idx").read_bytes())
    schema = {"data": pl.List(pl.Struct(dict.fromkeys(FIELDS, pl.String)))}
    count, step, last = 0, page_rows // CHUNK, len(index) - 1
    with (folder / "records.bin").open("rb") as file:
        for first in range(0, last, step):
            end = min(first + step, last)
            file.seek(index[first])
            page = b'{"data":[' + file.read(index[end] - 1 - index[first]) + b"]}"
            count += pl.read_json(page, schema=schema).explode("data").unnest("data").height
    return count


if __name__ == "__main__":
    print(decode(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000))
