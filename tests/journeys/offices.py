"""Departments that a test makes up: what they write, and what the hub says of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.journeys.world import World

NOW = "2026-02-10T02:00"
HEAD = "Mã tỉnh;Kỳ;Mã chỉ tiêu;Tên chỉ tiêu;Giá trị;Người nhập"
OFFICE = """dataflow = "{dataflow}"
provider = "{provider}"
periods = "all"
{more}

[source]
kind = "folder"
path = "{path}"
pattern = "*{{period}}*.csv"

[reader]
kind = "csv"

[map]
org_unit = {{ column = "don_vi", codes = {codes} }}
period = {{ column = "ky" }}
indicator = {{ column = "chi_tieu" }}
value = {{ column = "gia_tri", number = "en" }}
"""


def provision(
    path: Path, provider: str, codes: str = '"catalogue"', dataflow: str = "TELECOM", more: str = ""
) -> str:
    return OFFICE.format(path=path, provider=provider, codes=codes, dataflow=dataflow, more=more)


def write(folder: Path, name: str, *rows: str) -> None:
    """Rows of org unit, period, indicator and value as a file of an office."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.csv").write_text(
        "\n".join(["don_vi,ky,chi_tieu,gia_tri", *rows]) + "\n", encoding="utf-8"
    )


def typed(world: World, label: str, *rows: str) -> None:
    """Rows of code, period, indicator and value as people at Quảng Trị type them."""
    path = Path(world.systems.sources["quang_tri"]["telecom"]["path"]) / f"telecom-{label}.csv"
    lines = [
        HEAD,
        *(";".join([*row.split(";")[:3], "", row.split(";")[3], "V.T.H"]) for row in rows),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def points(
    world: World, indicator: str, unit: str, first: str, last: str = ""
) -> dict[str, dict[str, Any]]:
    """A series as reported, by period."""
    answer = world.json_of(
        "series", indicator, unit, "--from", first, "--to", last or first, "--now", NOW
    )
    return {each["period"]: each for each in answer["as_reported"]}


@contextmanager
def edited(path: Path, old: str, new: str) -> Iterator[None]:
    """A file with a text in place of another, for a while; an empty text stands at its end."""
    before = path.read_text(encoding="utf-8")
    assert old in before
    path.write_text(before.replace(old, new, 1) if old else before + new + "\n", encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


def checked(world: World) -> tuple[int, str]:
    """The exit code of ``hub check`` and its words."""
    done = world.run("check")
    assert "Traceback" not in done.stderr
    return done.returncode, " ".join((done.stdout + done.stderr).split())
