"""Nil returns in a child: a statement by a row or by a text; an empty payload never is one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from hub_core.config.province import Provision
from hub_core.mapping import Nil

if TYPE_CHECKING:
    from tests.hub_core.child.conftest import Desk, Gone

Made = Callable[..., dict[str, str | None]]
Q1, Q2, Q3 = "2025-Q1", "2025-Q2", "2025-Q3"
NOTHING = hashlib.sha256(b"lienthong-content 1 nil=1\n").hexdigest()
SAYS = "Không phát sinh"
EMPTY = {"dv": None, "ky": None, "ct": None, "do": None, "tt": None, "gt": None}


@pytest.fixture
def by_column(desk: Desk) -> Desk:
    """A provision whose note says that there is nothing to report."""
    desk.map += f'\n[nil]\ncolumn = "ghi_chu"\nis = "{SAYS}"\n[ignore]\ncolumns = ["ghi_chu"]\n'
    return desk


@pytest.fixture
def by_text(desk: Desk) -> Desk:
    """A provision whose payload says so by a text where there is no row."""
    desk.map += f'\n[nil]\ntext = "{SAYS}"\n'
    return desk


def nil(period: str | None, **told: str | None) -> dict[str, str | None]:
    """A row that says nil for a period."""
    return {**EMPTY, "ky": period, "ghi_chu": SAYS, **told}


def is_nil(gone: Gone, period: str) -> bool:
    """Whether a nil return was sealed for a period, and nothing else."""
    manifest = gone.manifest(period)
    whole = (manifest.kind, manifest.nil, manifest.rows, manifest.quarantined, manifest.findings)
    if whole != ("nil", True, 0, 0, []):
        return False
    assert manifest.digests.content == NOTHING
    assert (gone.figures(period), gone.quarantine(period), gone.error) == ([], [], None)
    return True


# By a column


@pytest.mark.parametrize("word", [SAYS, "KHÔNG PHÁT SINH", "  không   phát-sinh "])
def test_a_row_that_says_nil_is_a_nil_return_of_its_period(by_column: Desk, word: str) -> None:
    gone = by_column.gather([nil(Q2, ghi_chu=word)])
    assert is_nil(gone, Q2)
    assert gone.answer.no_data == []


def test_another_note_is_no_nil_return(by_column: Desk, row: Made) -> None:
    gone = by_column.gather([row(ghi_chu="Không phát sinh thêm"), row(ct="AA.3", ghi_chu=None)])
    assert gone.figures(Q2) == [("AA.2", "1"), ("AA.3", "1")]
    assert (gone.manifest(Q2).kind, gone.manifest(Q2).nil) == ("figures", False)


def test_nil_of_one_period_and_figures_of_another(by_column: Desk, row: Made) -> None:
    gone = by_column.gather([nil(Q1), row(ghi_chu=None)], asked=(Q1, Q2, Q3))
    assert is_nil(gone, Q1)
    assert gone.figures(Q2) == [("AA.2", "1")]
    assert not gone.manifest(Q2).nil
    assert gone.answer.no_data == [Q3]


def test_nil_of_a_period_that_was_not_asked_for_is_left_out(by_column: Desk, row: Made) -> None:
    gone = by_column.gather([nil(Q1), row(ghi_chu=None)])
    assert list(gone.folders) == [Q2]
    assert by_column.gather([nil(Q1)]).answer.no_data == [Q2]


def test_nil_of_whatever_period_counts_where_all_are_taken(by_column: Desk) -> None:
    by_column.more = 'periods = "all"'
    gone = by_column.gather([nil(Q1), nil("2024")])
    assert sorted(gone.folders) == ["2024", Q1]
    assert is_nil(gone, Q1)
    assert is_nil(gone, "2024")
    assert gone.answer.no_data == [Q2]


def test_a_row_without_a_period_says_nil_of_the_one_that_was_asked_for(by_column: Desk) -> None:
    assert is_nil(by_column.gather([nil(None)]), Q2)


def test_of_several_periods_a_row_must_say_for_which_it_says_nil(by_column: Desk) -> None:
    gone = by_column.gather([nil(None)], asked=(Q1, Q2))
    assert gone.error == (
        "SourceChanged",
        f"a nil return does not say for which period; {Q1}, {Q2} were asked for",
    )
    assert gone.answer.submissions == []
    assert gone.answer.landing is not None


def test_a_period_that_nobody_can_read_is_not_the_one_that_was_asked_for(by_column: Desk) -> None:
    gone = by_column.gather([nil("quý 1 năm 2019")])
    assert Q2 not in gone.folders or not gone.manifest(Q2).nil


def test_a_row_that_its_reader_does_not_vouch_for_says_no_nil(by_column: Desk) -> None:
    gone = by_column.gather([nil(Q2, **{"#refused": "dòng 3: ô đã bị sửa"})])
    assert Q2 not in gone.folders or not gone.manifest(Q2).nil or gone.manifest(Q2).blocked


def test_nil_twice_is_nil_once(by_column: Desk) -> None:
    assert is_nil(by_column.gather([nil(Q2)], [nil(Q2), nil(None)]), Q2)


# With figures


def test_v020_nil_with_figures_is_held(by_column: Desk, row: Made) -> None:
    gone = by_column.gather([nil(Q2), row(ghi_chu=None), row(ct="AA.3", ghi_chu=None)])
    manifest = gone.manifest(Q2)
    assert (manifest.kind, manifest.nil, manifest.rows) == (
        "figures",
        False,
        2,
    )  # figures, where they are accepted
    assert manifest.blocked == ["V020"]
    assert gone.findings(Q2) == [("V020", "blocking", 2, "", None)]
    assert gone.figures(Q2) == [("AA.2", "1"), ("AA.3", "1")]


def test_v020_nil_with_a_quarantined_row_is_held(by_column: Desk, row: Made) -> None:
    gone = by_column.gather([nil(Q2), row(ghi_chu=None, gt="không rõ", dv="?")])
    assert (gone.manifest(Q2).kind, gone.manifest(Q2).blocked) == ("figures", ["V020"])
    assert ("V020", "blocking", 1, "", None) in gone.findings(
        Q2
    )  # one row, though it breaks two rules


def test_v020_figures_of_another_period_contradict_nothing(by_column: Desk, row: Made) -> None:
    gone = by_column.gather([nil(Q1), row(ghi_chu=None)], asked=(Q1, Q2))
    assert (gone.manifest(Q1).blocked, gone.manifest(Q2).blocked) == ([], [])


def test_a_nil_return_after_figures_withdraws_them_and_is_held_for_it(
    by_column: Desk, row: Made
) -> None:
    by_column.dataflow = by_column.dataflow.replace(
        "withdrawn_percent = 100", "withdrawn_percent = 20"
    )
    current = by_column.gather([row(ghi_chu=None)])
    gone = by_column.gather([nil(Q2)], baseline=current.folders)
    assert (gone.manifest(Q2).kind, gone.manifest(Q2).blocked) == ("nil", ["V017"])
    assert gone.manifest(Q2).counts["withdrawn"] == 1


def test_a_nil_return_is_no_figure_of_the_period_before(by_column: Desk, row: Made) -> None:
    gone = by_column.gather([nil(Q1), row(gt="500", ghi_chu=None)], asked=(Q1, Q2))
    assert gone.findings(Q2) == []


# By a text


def test_a_text_where_there_is_no_row_is_a_nil_return(by_text: Desk) -> None:
    assert is_nil(by_text.gather(f"Kỳ này: {SAYS}."), Q2)


@pytest.mark.parametrize("payload", ["", "[]", "Chưa có số liệu", "không phát sinh"])
def test_an_empty_payload_is_never_a_nil_return(by_text: Desk, payload: str) -> None:
    gone = by_text.gather(payload)
    assert (gone.answer.submissions, gone.answer.no_data, gone.error) == ([], [Q2], None)


def test_no_payload_at_all_is_never_a_nil_return(by_text: Desk) -> None:
    assert by_text.gather().answer.no_data == [Q2]


def test_an_empty_payload_of_a_provision_that_cannot_say_nil_is_none(desk: Desk) -> None:
    assert desk.gather(SAYS).answer.no_data == [Q2]


def test_a_text_beside_rows_says_nothing(by_text: Desk, row: Made) -> None:
    gone = by_text.gather([row()], f"{SAYS} (phụ lục)")
    assert gone.figures(Q2) == [("AA.2", "1")]
    assert (gone.manifest(Q2).kind, gone.manifest(Q2).nil) == ("figures", False)


def test_a_text_does_not_say_nil_of_a_period_whose_own_part_is_empty(by_text: Desk) -> None:
    """One part for each period, as of a gateway that is asked by period.

    Only one of them says nil.
    """
    gone = by_text.gather(SAYS, "[]", asked=(Q1, Q2))
    assert not any(gone.manifest(period).nil for period in gone.folders)


def test_a_text_is_found_however_json_writes_it(by_text: Desk) -> None:
    """Most gateways write JSON in ASCII."""
    gone = by_text.gather('{"data": [], "ghi_chu": "Kh\\u00f4ng ph\\u00e1t sinh"}')
    assert gone.folders
    assert is_nil(gone, Q2)


# Declared


@pytest.mark.parametrize(
    "told", [{"column": "a", "is": "b"}, {"text": "không phát sinh"}], ids=["by column", "by text"]
)
def test_nil_is_declared_by_a_row_or_by_a_text(told: dict[str, str]) -> None:
    assert Nil.model_validate(told).model_dump(by_alias=True, exclude_none=True) == told


@pytest.mark.parametrize(
    "told",
    [
        *({}, {"column": "a"}, {"is": "b"}, {"column": "a", "is": "b", "text": "c"}, {"text": ""}),
        *(
            {"column": "a", "is": ""},
            {"is": "b", "text": "c"},
            {"column": "a", "text": "c"},
            {"texts": "c"},
        ),
    ],
)
def test_nil_said_in_any_other_way_is_refused(told: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Nil.model_validate(told)


@pytest.mark.parametrize(
    ("periods", "held"),
    [
        (["2008", "2024"], ["2008", "2024"]),
        (["2025-Q1"], ["2025-Q1"]),
        ([], []),
        ("asked", ["2008", "2009", "2024", "2025-Q1"]),
        ("all", ["2008", "2009", "2024", "2025-Q1"]),
    ],
)
def test_a_provision_may_say_which_periods_it_holds(periods: object, held: list[str]) -> None:
    told = {"dataflow": "F", "provider": "P.D", "source": {"kind": "x"}, "reader": {"kind": "x"}}
    provision = Provision.model_validate(told | {"periods": periods})
    assert [
        each for each in ("2008", "2009", "2024", "2025-Q1") if provision.is_asked_for(each)
    ] == held


@pytest.mark.parametrize("periods", [["2025-M1"], ["quý 1"], "2025", [2025], ["2025-Q5"]])
def test_a_period_that_is_none_is_refused(periods: object) -> None:
    told = {"dataflow": "F", "provider": "P.D", "source": {"kind": "x"}, "reader": {"kind": "x"}}
    with pytest.raises(ValidationError):
        Provision.model_validate(told | {"periods": periods})


# In the hub's own words

OWN = {
    "org_unit": "vn-a",
    "period": Q2,
    "indicator": "AA.2",
    "value": "1.234",
    "unit": "người",
    "status": "A",
}


def test_a_provision_without_a_mapping_reads_the_hubs_own_words(desk: Desk) -> None:
    desk.map = ""
    gone = desk.gather([{**OWN}, {**OWN, "indicator": "AA.9"}])
    assert gone.figures(Q2) == [("AA.2", "1234")]
    assert [(r["code"], r["text"]) for r in gone.quarantine(Q2)] == [("V001", "AA.9")]


@pytest.mark.parametrize("box", ["x", "X", " x "])
def test_the_nil_box_of_a_form_is_a_nil_return(desk: Desk, box: str) -> None:
    desk.map = ""
    blank = dict.fromkeys(OWN)
    assert is_nil(desk.gather([{**blank, "period": Q2, "nil": box}]), Q2)
    assert desk.gather([{**OWN, "nil": None}]).figures(Q2) == [("AA.2", "1234")]
    assert desk.gather([{**blank, "period": Q2, "nil": box}, {**OWN, "nil": None}]).manifest(
        Q2
    ).blocked == ["V020"]


def test_with_a_mapping_of_its_own_a_column_nil_is_a_column_like_another(
    desk: Desk, row: Made
) -> None:
    gone = desk.gather([row(nil="x")])
    assert gone.error is not None
    assert gone.error[0] == "SourceChanged"
    assert "nil is neither mapped nor ignored" in gone.error[1]
