"""The bench's own parts, where they could break without anybody seeing it."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # the bench's files are scripts that know one another by name

from run import different  # noqa: E402

ROWS = "20000"


def run(script: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / script), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("day", "digest"),
    [
        (1, "0c633220167354724e6ae5aa39c8279a52a92db82360320bfc8d5545d9b6be80"),
        (2, "5d741b81cda7a4e7357079de991885de9c92785d7af29ba6ed73aaf710092ea9"),
        (3, "08b6398ff420b9af93d1d8bcb60404201e81aa8a2030b163c7a6afda83a81a26"),
    ],
)
def test_the_rows_are_the_same_ones_each_time(tmp_path: Path, day: int, digest: str) -> None:
    assert run("gen.py", tmp_path, "--rows", ROWS, "--day", day).returncode == 0
    folder = tmp_path / ROWS / f"day{day}"
    assert hashlib.sha256((folder / "records.bin").read_bytes()).hexdigest() == digest
    expected = json.loads((folder / "expected.json").read_bytes())
    assert expected["ok"] == 19_822
    assert expected["bad"] == {"unknown_code": 47, "bad_number": 55, "negative": 34, "duplicate": 42}


def test_a_night_on_few_rows_gives_what_the_rows_say(tmp_path: Path) -> None:
    ended = run("run.py", "--case", "json", "--rows", ROWS, "--rounds", 1, "--build", tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    hub, floor = json.loads((tmp_path / "bench.json").read_bytes())
    assert (hub["case"], hub["who"], hub["rows"]) == ("json", "hub", int(ROWS))
    assert (floor["case"], floor["who"], floor["rows"]) == ("json", "floor", int(ROWS))
    for line in (hub, floor):
        assert line.keys() == {"case", "who", "rows", "wall_s", "cpu_s", "peak_mb"}
        assert min(line["wall_s"], line["cpu_s"], line["peak_mb"]) > 0
    assert hub["peak_mb"] > floor["peak_mb"]  # the children are in it


def test_a_wrong_answer_does_not_count(tmp_path: Path) -> None:
    data = tmp_path / "bench" / "data"
    assert run("gen.py", data, "--rows", 3000).returncode == 0
    path = data / "3000" / "day1" / "expected.json"
    told = json.loads(path.read_bytes())
    told["bad"]["negative"] += 1
    told["country"]["2024-01"]["IND.RATIO.060"] += "1"
    path.write_text(json.dumps(told), encoding="utf-8")
    ended = run("run.py", "--case", "json", "--rows", 3000, "--rounds", 1, "--build", tmp_path)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    complaints = [line for line in ended.stdout.splitlines() if line.startswith("!")]
    assert [line.split(":")[1].strip() for line in complaints] == ["quarantined", "findings", "2024-M01 IND.RATIO.060"]


def test_the_hub_adds_up_as_sql_does_to_the_last_digit(tmp_path: Path) -> None:
    ended = run("run.py", "--case", "adding", "--rows", ROWS, "--rounds", 1, "--build", tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads((tmp_path / "bench.json").read_bytes())
    assert [(line["case"], line["who"]) for line in told] == [("adding", "hub"), ("adding", "duckdb")]
    results = [pl.read_parquet(tmp_path / "bench" / f"added-{who}.parquet") for who in ("hub", "duckdb")]
    assert len({table.height for table in results}) == 1
    rules = {"sum", "last of M", "average of M", "ratio", "weighted average", "formula", "rank"}
    assert set(results[0]["method"]) >= rules
    assert set(results[0]["status"]) == {"A", "P", "E"}

    theirs = tmp_path / "bench" / "added-duckdb.parquet"  # one figure of theirs told wrong is seen
    first = pl.when(pl.int_range(pl.len()) == 0).then(1).otherwise(0)
    results[1].with_columns(pl.col("covered") + first).write_parquet(theirs)
    [problem] = different(tmp_path / "bench" / "added-hub.parquet", theirs)
    assert problem.startswith("adding: 1 figures differ, as ('FLOW.00', 'cluster'")
