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

from case_adding import different  # noqa: E402
from case_json import SCRIPTS, wrong_in  # noqa: E402
from case_many import PERIOD, SHORT, Size, Totals, small_ones  # noqa: E402
from case_many import wrong_in as wrong_in_many  # noqa: E402
from gen import Expected, generate  # noqa: E402
from table import table  # noqa: E402

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
    assert expected["bad"] == {
        "unknown_code": 47,
        "bad_number": 55,
        "negative": 34,
        "duplicate": 42,
    }


@pytest.mark.slow
def test_nights_on_few_rows_give_what_the_rows_say(tmp_path: Path) -> None:
    words = (
        "--case",
        "json",
        "--only",
        "hub,floor",
        "--rows",
        ROWS,
        "--rounds",
        1,
        "--build",
        tmp_path,
    )
    ended = run("run.py", *words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads((tmp_path / "bench.json").read_bytes())
    assert [(line["case"], line["who"]) for line in told] == [
        ("json", "hub"),
        ("same", "hub"),
        ("changed", "hub"),
        ("json", "floor"),
    ]
    for line in told:
        assert line.keys() == {"case", "who", "rows", "wall_s", "cpu_s", "peak_mb"}
        assert line["rows"] == int(ROWS)
        assert min(line["wall_s"], line["cpu_s"], line["peak_mb"]) > 0
    assert told[0]["peak_mb"] > told[-1]["peak_mb"]  # the children are in it


@pytest.mark.index
@pytest.mark.slow
def test_every_peer_gives_what_the_rows_say(tmp_path: Path) -> None:
    words = (
        "--case",
        "json",
        "--only",
        ",".join(SCRIPTS),
        "--rows",
        ROWS,
        "--rounds",
        1,
        "--build",
        tmp_path,
    )
    ended = run("run.py", *words)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads((tmp_path / "bench.json").read_bytes())
    assert [(line["case"], line["who"]) for line in told] == [("json", who) for who in SCRIPTS]


@pytest.mark.slow
def test_a_wrong_answer_does_not_count(tmp_path: Path) -> None:
    data = tmp_path / "bench" / "data"
    path = data / "3000" / "day1" / "expected.json"
    generate(data, 3000)
    told = json.loads(path.read_bytes())
    told["bad"]["negative"] += 1
    told["country"]["2024-01"]["IND.RATIO.060"] += "1"
    path.write_text(json.dumps(told), encoding="utf-8")
    words = ("--case", "json", "--only", "hub", "--rows", 3000, "--rounds", 1, "--build", tmp_path)
    ended = run("run.py", *words)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    complaints = [
        line.split(":") for line in ended.stdout.splitlines() if line.startswith("! hub, json")
    ]
    assert [what.strip() for _, what, *_ in complaints] == [
        "quarantined",
        "2024-M01 IND.RATIO.060",
        "findings",
    ]


def test_a_wrong_answer_of_a_peer_does_not_count() -> None:
    bad = {"unknown_code": 2, "bad_number": 0, "negative": 1, "duplicate": 0}
    expected = Expected("", 10, 1, 7, bad, country={"2024-01": {"A": "1000000.100", "B": "0.333"}})
    right = {
        "accepted": 7,
        "rejected": {"V001": 2, "V005": 1},
        "country": {"2024-01": {"A": 1000000.1, "B": 1 / 3}},
    }
    assert wrong_in(right, expected) == []
    assert wrong_in(right | {"accepted": 8}, expected) == ["accepted: 8, not 7"]
    assert wrong_in(right | {"rejected": {"V001": 3}}, expected) == [
        "rejected: {'V001': 3}, not {'V001': 2, 'V005': 1}"
    ]
    for country, problem in (
        ({"2024-01": {"A": 1000000.2, "B": 1 / 3}}, "2024-01 A: 1000000.2, not 1000000.1"),
        ({"2024-01": {"A": 1000000.1}}, "2024-01 B: nan, not 0.333"),
        (
            {"2024-01": right["country"]["2024-01"], "2024-02": {"A": 1.0}},
            "2024-02 A: 1.0, not nan",
        ),
    ):
        assert wrong_in(right | {"country": country}, expected) == [problem]


def test_the_table_holds_everything_against_the_first_night_of_the_hub() -> None:
    line = {
        "who": "dlt",
        "case": "json",
        "rows": 1000,
        "wall_s": 10.0,
        "cpu_s": 8.0,
        "peak_mb": 300.0,
    }
    hub = {**line, "who": "hub", "wall_s": 4.0, "cpu_s": 2.0, "peak_mb": 400.0}
    _, *told = table([line, hub, {**hub, "case": "same", "wall_s": 1.0}])
    assert [row.split()[4::2] for row in told] == [
        ["2.50x", "4.00x", "0.75x"],
        ["1.00x", "1.00x", "1.00x"],
        ["25%", "100%", "100%"],
    ]


@pytest.mark.index
@pytest.mark.slow
def test_the_hub_adds_up_as_sql_does_to_the_last_digit(tmp_path: Path) -> None:
    ended = run("run.py", "--case", "adding", "--rows", ROWS, "--rounds", 1, "--build", tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads((tmp_path / "bench.json").read_bytes())
    assert [(line["case"], line["who"]) for line in told] == [
        ("adding", "hub"),
        ("adding", "duckdb"),
    ]
    results = [
        pl.read_parquet(tmp_path / "bench" / f"added-{who}.parquet") for who in ("hub", "duckdb")
    ]
    assert len({table.height for table in results}) == 1
    rules = {"sum", "last of M", "average of M", "ratio", "weighted average", "formula", "rank"}
    assert set(results[0]["method"]) >= rules
    assert set(results[0]["status"]) == {"A", "P", "E"}

    theirs = tmp_path / "bench" / "added-duckdb.parquet"  # one figure of theirs told wrong is seen
    first = pl.when(pl.int_range(pl.len()) == 0).then(1).otherwise(0)
    results[1].with_columns(pl.col("covered") + first).write_parquet(theirs)
    [problem] = different(tmp_path / "bench" / "added-hub.parquet", theirs)
    assert problem.startswith("adding: 1 figures differ, as ('FLOW.00', 'cluster'")


@pytest.mark.slow
def test_a_night_of_small_provisions_is_right(tmp_path: Path) -> None:
    ended = run("run.py", "--case", "many", "--only", "hub", "--short", "--build", tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads((tmp_path / "bench.json").read_bytes())
    assert [(line["case"], line["who"], line["rows"]) for line in told] == [
        ("many", "hub", 600),
        ("year on", "hub", 600),
    ]
    doctor = [
        Path(sys.executable).parent / "hub",
        "doctor",
        "--home",
        tmp_path / "bench" / "many",
        "--json",
    ]
    found = json.loads(subprocess.run(doctor, capture_output=True, check=False).stdout)["found"]
    assert {each["kind"] for each in found} == {"release", "digest"}, (
        "of releases that are copies of another month"
    )


@pytest.mark.index
@pytest.mark.slow
def test_the_peer_of_small_provisions_gives_what_the_departments_told(tmp_path: Path) -> None:
    ended = run("run.py", "--case", "many", "--only", "dlt", "--short", "--build", tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads((tmp_path / "bench.json").read_bytes())
    assert [(line["case"], line["who"], line["rows"]) for line in told] == [("many", "dlt", 600)]


@pytest.mark.index
@pytest.mark.slow
def test_a_wrong_total_of_a_peer_is_named(tmp_path: Path) -> None:
    class Departments(Size):
        """One of whose figures is one more than the peer is sent."""

        def totals(self, period: str) -> Totals:
            told = super().totals(period)
            return {**told, "vn": {**told["vn"], "MN.07": told["vn"]["MN.07"] + 1}}

    lines, problems = small_ones(Departments(2, 3, 30), 2, ("dlt",), tmp_path)
    total = SHORT.totals(PERIOD)["vn"]["MN.07"]
    assert problems == [f"dlt, many, round {n}: vn MN.07: {total}, not {total + 1}" for n in (1, 2)]
    assert [(line["case"], line["who"]) for line in lines] == [("many", "dlt")]


def test_a_wrong_total_of_a_night_of_small_provisions_does_not_count() -> None:
    due = SHORT.totals(PERIOD)
    assert due.keys() == {"vn", "tinh-00", "tinh-01"}
    right = {"rows": SHORT.rows, "totals": due}
    assert wrong_in_many(right, SHORT.rows, due) == []
    assert wrong_in_many(right | {"rows": 599}, SHORT.rows, due) == ["rows: 599, not 600"]
    province, total = due["tinh-01"], due["tinh-01"]["MN.07"]
    for of_unit, problem in (
        ({**province, "MN.07": total + 1}, f"tinh-01 MN.07: {total + 1}, not {total}"),
        (
            {code: value for code, value in province.items() if code != "MN.07"},
            f"tinh-01 MN.07: None, not {total}",
        ),
        ({**province, "MN.X": 1}, "tinh-01 MN.X: 1, not None"),
    ):
        told = right | {"totals": {**due, "tinh-01": of_unit}}
        assert wrong_in_many(told, SHORT.rows, due) == [problem]
    told = right | {"totals": {name: due[name] for name in ("vn", "tinh-00")}}
    assert len(wrong_in_many(told, SHORT.rows, due)) == 7  # the first of a hundred
