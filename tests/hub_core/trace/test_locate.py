"""Where cells stand, asked in batches: in order, each with its row, and none lost with another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from hub_core.child.locating import locate_places
from hub_core.contracts import PayloadPart, Reader
from hub_core.errors import SourceChanged
from hub_core.landing.scratch import Scratch
from hub_core.model.exchange import LocateOrder, Part, Plugin
from hub_core.trace.locate import Place, locate

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub_core.home import Hub
    from tests.hub_core.conftest import Nights

PART = PayloadPart(b"", "text/plain", "x", "bảng.txt")
NAMED = Part(digest="0" * 64, size=0, media_type="text/plain", origin="x", name="bảng.txt")
PLUGIN = Plugin(name="a", module="hub_provinces.a", root="/x")
AS_JSON = """
dataflow = "TELECOM"
provider = "A.SKHCN"
[source]
kind = "folder"
path = "/nowhere"
[reader]
kind = "json"
rows = "/data"
[map]
org_unit = { column = "dv" }
period = { column = "ky" }
indicator = { column = "ct" }
value = { column = "gt", number = "vi" }
"""


class Table(Reader):
    """Rows of a list; says how often it was asked, and breaks where it is told to."""

    kind = "table"

    def __init__(
        self, frames: list[pl.DataFrame], broken: dict[int, Exception] | None = None
    ) -> None:
        self.frames, self.broken = frames, broken or {}
        self.given = 0

    def read(self, part: PayloadPart) -> Iterator[pl.DataFrame]:
        for frame in self.frames:
            self.given += 1
            if isinstance(error := self.broken.get(-1), Exception):
                raise error
            yield frame

    def locate(self, part: PayloadPart, row: int, column: str | None) -> tuple[str, str]:
        if row in self.broken:
            raise self.broken[row]
        return f"{part.name} dòng {row}", "x" * 2_000 if column == "dài" else f"ô {row}"


def frame(first: int, **columns: list[Any]) -> pl.DataFrame:
    made = pl.DataFrame(columns, strict=False)
    return made.with_columns(row=pl.int_range(first, first + made.height, dtype=pl.UInt64))


def asked(reader: Reader, *places: tuple[int, str | None], cells: bool = True) -> Any:
    order = LocateOrder(
        plugin=PLUGIN,
        trusted=[],
        provision="a",
        parts="/x",
        part=NAMED,
        places=list(places),
        cells=cells,
    )
    return locate_places(reader, PART, order)


# In the child


def test_a_row_comes_as_it_is_with_its_numbers_as_plain_text() -> None:
    columns: dict[str, Any] = {
        "Tên": ["Đông Hà", None],
        "gt": ["1.505", None],
        "gt#number": [None, "2.5"],
        "số": [5.0, 1e22],
        "thập phân": [Decimal("1.50"), None],
        "có": [True, False],
        "part": [7, 7],
        "column": ["gt", "gt"],
        "#refused": [None, "sai dòng"],
    }
    first, second = asked(Table([frame(0, **columns)]), (0, "gt"), (1, "gt"))
    assert first.cells == {
        "Tên": "Đông Hà",
        "gt": "1.505",
        "số": "5",
        "thập phân": "1.50",
        "có": "true",
    }
    assert second.cells == {"gt": "2.5", "số": "10000000000000000000000", "có": "false"}
    assert list(first.cells) == ["Tên", "gt", "số", "thập phân", "có"]


def test_a_row_with_several_figures_comes_with_the_one_that_is_asked_for() -> None:
    long = frame(0, tên=["A", "A"], column=["T1", "T2"], value=["1", "2"]).with_columns(
        row=pl.lit(0, pl.UInt64)
    )
    places = asked(Table([long]), (0, "T2"), (0, "T1"), (0, "tên"))
    assert [each.cells["value"] for each in places] == ["2", "1", "1"]


def test_reading_stops_where_all_rows_were_seen() -> None:
    table = Table([frame(10 * n, a=[str(k) for k in range(10)]) for n in range(5)])
    assert [each.cells for each in asked(table, (12, "a"), (3, "a"))] == [{"a": "2"}, {"a": "3"}]
    assert table.given == 2
    asked(table, (12, "a"), cells=False)
    assert table.given == 2


def test_one_place_that_fails_says_why_and_loses_no_other() -> None:
    broken: dict[int, Exception] = {1: SourceChanged("không có dòng này"), 2: KeyError("x")}
    found = asked(Table([frame(0, a=list("abcd"))], broken), (0, "a"), (1, "a"), (2, "a"), (3, "a"))
    assert [each.text for each in found] == [
        "ô 0",
        "(không có dòng này)",
        "(the reader raised KeyError: 'x')",
        "ô 3",
    ]
    assert [each.read for each in found] == [True, False, False, True]
    assert found[1].locator == "bảng.txt, row 1, column a"
    assert [each.cells for each in found] == [{"a": "a"}, {"a": "b"}, {"a": "c"}, {"a": "d"}]


def test_where_the_rows_do_not_read_the_places_are_still_told() -> None:
    [found] = asked(Table([frame(0, a=["a"])], {-1: SourceChanged("hỏng")}), (0, "a"))
    assert (found.text, found.cells, found.read) == ("ô 0", {}, True)


def test_texts_are_cut_and_an_answer_has_a_bound() -> None:
    wide = frame(0, **{f"c{n}": ["é" * 2_000] * 1_000 for n in range(30)})
    found = asked(Table([wide]), *((n, "dài") for n in range(1_000)))
    assert 1 <= len(found) < 1_000
    assert len(found[0].text) == 500
    assert found[0].text.endswith("…")
    told = json.dumps([each.model_dump() for each in found], ensure_ascii=False).encode()
    assert len(told) < 8 * 2**20  # half of what the engine takes


def test_by_default_places_are_found_one_by_one() -> None:
    table = Table([], {1: SourceChanged("x")})
    assert table.locate_all(PART, [(0, "a"), (1, "a")]) == {(0, "a"): ("bảng.txt dòng 0", "ô 0")}


# In the hub


@pytest.fixture
def hub(nights: Nights) -> Iterator[Hub]:
    nights.package("a", {"hub_provinces/NAME/telecom.toml": AS_JSON})
    with nights.hub() as opened:
        yield opened


@pytest.fixture
def land(hub: Hub) -> Callable[..., Part]:
    """Land rows as one part of the package's provision."""

    def made(name: str, rows: list[dict[str, object]]) -> Part:
        content = json.dumps({"data": rows}, ensure_ascii=False).encode()
        return Scratch(hub.zone.provision("a", "telecom")).land(
            PayloadPart(content, "application/json", name, name)
        )

    return made


def test_places_of_many_parts_come_back_in_their_order(hub: Hub, land: Callable[..., Part]) -> None:
    parts = [
        land(f"trang {n}", [{"gt": f"{n}.{row}", "dv": "x"} for row in range(4)]) for n in range(2)
    ]
    places = [Place(parts[n % 2], row, "gt") for row in (3, 0, 2) for n in range(2)]
    found = locate(hub, "a", "telecom", places, cells=True)
    assert [each.locator for each in found] == [
        f"{place.part.name} /data/{place.row}/gt" for place in places
    ]
    assert [each.text for each in found] == ["0.3", "1.3", "0.0", "1.0", "0.2", "1.2"]
    assert [each.cells["gt"] for each in found] == [each.text for each in found]
    assert locate(hub, "a", "telecom", places[:1])[0].cells == {}
    assert locate(hub, "a", "telecom", []) == []


def test_what_one_answer_does_not_hold_is_asked_again(hub: Hub, land: Callable[..., Part]) -> None:
    part = land("trang 1", [{"gt": str(row), "note": "ghi chú " * 60} for row in range(6_000)])
    found = locate(
        hub, "a", "telecom", [Place(part, row, "gt") for row in range(6_000)], cells=True
    )
    assert [each.text for each in found] == [str(row) for row in range(6_000)]
    assert all(len(each.cells["note"]) == 480 for each in found)


def test_a_part_that_is_gone_loses_no_other(hub: Hub, land: Callable[..., Part]) -> None:
    there, gone = land("trang 1", [{"gt": "1"}]), land("trang 2", [{"gt": "2"}])
    (hub.zone.parts("a", "telecom") / f"{gone.digest}.zst").unlink()
    found = locate(
        hub, "a", "telecom", [Place(gone, 0, "gt"), Place(there, 0, "gt"), Place(there, 9, "gt")]
    )
    assert [each.read for each in found] == [False, True, False]
    assert found[1].text == "1"
    assert "cannot be read" in found[0].text
    assert found[2].text == "(/data/9 is not there)"


def test_a_province_without_a_package_is_said_so(hub: Hub) -> None:
    [found] = locate(hub, "nobody", "telecom", [Place(NAMED, 3, None)])
    assert (found.read, found.text) == (False, "(no package nobody to read it)")
    [found] = locate(hub, "a", "other", [Place(NAMED, 3, None)])
    assert "no provision other" in found.text
