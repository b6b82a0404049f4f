"""Workbooks that are hostile, broken or not the right ones.

Refused with the place, and the next good one is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.connectors.readers.test_excel_hostile import REFUSED
from tests.journeys.world import World, make_world

NOW = "2026-11-06T02:00"
HOSTILE = (
    "zip bomb",
    "lying zip header",
    "xlsx with a password",
    "50,000 merged ranges",
    "xls whose stream runs in a circle",
    "17 billion cells",
    "entities in an xlsx",
)


def _another_year(book: Any) -> None:
    book["Summary_VN"]["W1"] = "PCI 2015"


def _moved_by_one(book: Any) -> None:
    book["Summary_VN"].insert_cols(3)


def _a_column_more(book: Any) -> None:
    book["Summary_VN"]["AC1"] = "PCI 2017"


def _only_the_hidden_sheet(book: Any) -> None:
    sheet = book.create_sheet("Bìa")
    sheet["A1"] = "Chỉ số năng lực cạnh tranh"
    del book["Summary_VN"]


def _hidden_under_its_name(book: Any) -> None:
    """The right sheet renamed, and last year's, which is hidden, under its name."""
    book["Summary_VN"].title = "Summary_VN (2)"
    book["Summary"].title = "Summary_VN"


WRONG: dict[str, tuple[Callable[[Any], None], str]] = {
    "a heading of another year": (_another_year, "Summary_VN!W1"),
    "a column moved by one": (_moved_by_one, "Summary_VN"),
    "a column that nobody knows": (_a_column_more, "AC"),
    "only the hidden sheet is left": (_only_the_hidden_sheet, "Summary_VN"),
    "last year's hidden sheet has the name": (_hidden_under_its_name, "Summary_VN!W1"),
}


@pytest.fixture(scope="module")
def chamber(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Path, bytes]]:
    """A world with the chamber of commerce, the place of its workbook of 2016, and the good one."""
    with make_world(tmp_path_factory.mktemp("world") / "world", ("vcci",)) as world:
        [path] = (world.home.parent / "systems" / "vcci" / "pci_2016").iterdir()
        yield world, path, path.read_bytes()


def _gathered(world: World) -> dict[str, Any]:
    answer = world.json_of("gather", "--now", NOW, "--period", "2016")
    [report] = answer["gathers"]
    assert isinstance(report, dict)
    return report


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_book_is_refused_and_the_next_good_one_goes_through(
    name: str, chamber: tuple[World, Path, bytes]
) -> None:
    world, path, good = chamber
    path.write_bytes(REFUSED[name][0]())
    report = _gathered(world)
    assert (report["outcome"], report["retryable"]) == ("failed", False)
    assert "vcci" in report["error"]
    assert path.name in report["error"], report["error"]
    path.write_bytes(good)
    assert _gathered(world)["outcome"] in ("done", "unchanged")


@pytest.mark.parametrize("name", WRONG)
def test_a_book_that_is_not_the_right_one_is_refused_with_the_place(
    name: str, chamber: tuple[World, Path, bytes]
) -> None:
    world, path, good = chamber
    path.write_bytes(good)
    change, place = WRONG[name]
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)
    report = _gathered(world)
    assert report["outcome"] == "failed", report
    assert place in report["error"], report["error"]
    assert not world.json_of("finding", "list", "--province", "vcci")
    path.write_bytes(good)
    assert _gathered(world)["outcome"] in ("done", "unchanged")
