from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hub_core import structures
from hub_core.errors import SubmissionError
from hub_core.landing.layout import OBSERVATIONS, file_digest
from hub_core.model.catalogue import Catalogue
from hub_core.model.exchange import Manifest
from hub_core.model.observation import SCHEMA, content_digest
from hub_core.obligations import ReportingScope
from hub_core.stages.admit import verify

ROOT = Path(__file__).parent.parent.parent.parent
VOICE = ReportingScope({"vn-nghe-an"}, {"VT.03", "VT.04", "VT.05"})
SOUND: dict[str, Any] = {
    "indicator": "VT.03",
    "org_unit": "vn-nghe-an",
    "period": "2025-Q1",
    "calendar": "S",
    "measure": "actual",
    "dims": "",
    "value": Decimal(5),
    "status": "A",
    "part": 0,
    "row": 0,
    "column": None,
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return structures.catalogue(structures.read_texts(ROOT / "config"))


def table(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([SOUND | row for row in rows], schema=SCHEMA)


Checked = Callable[..., None]


@pytest.fixture
def checked(tmp_path: Path, catalogue: Catalogue, sealed: Callable[..., Manifest]) -> Checked:
    """Seal figures into a folder and verify it, as a folder from elsewhere or as a child's."""

    def made(figures: pl.DataFrame, *, whole: bool = True, **more: Any) -> None:
        manifest = sealed(tmp_path / "s", figures, **more)
        verify(tmp_path / "s", manifest, VOICE, catalogue, check_digest=whole)

    return made


@pytest.mark.parametrize("whole", [True, False])
def test_what_was_sealed_soundly_is_taken(checked: Checked, whole: bool) -> None:
    rows = [
        {},
        {"dims": "SEX=F"},
        {"indicator": "VT.04"},
        {"indicator": "VT.05", "value": None, "status": "M"},
    ]
    checked(table(*rows), whole=whole)


@pytest.mark.parametrize("whole", [True, False])
def test_a_nil_return_without_figures_is_taken(checked: Checked, whole: bool) -> None:
    nil = content_digest(table(), nil=True)
    checked(table(), whole=whole, nil=True, kind="nil", digests={"content": nil})


STRANGE: dict[str, dict[str, Any]] = {
    "another period": {"period": "2025-Q2"},
    "another calendar": {"calendar": "A"},
    "an unknown status": {"status": "X"},
    "an unknown org unit": {"org_unit": "vn-atlantis"},
    "an unknown indicator": {"indicator": "VT.98"},
    "another's org unit": {"org_unit": "vn-ha-tinh"},
    "another's indicator": {"indicator": "KX.90"},
    "an unknown measure": {"measure": "hoped"},
    "no measure": {"measure": None},
    "no dimensions at all": {"dims": None},
    "no org unit": {"org_unit": None},
    "no value and no reason": {"value": None},
    "a value that is too large": {"value": Decimal(10) ** 26},
}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("what", STRANGE)
def test_a_figure_that_no_reader_expects_is_refused(
    checked: Checked, what: str, whole: bool
) -> None:
    """Whatever is admitted is read again by every release after it."""
    with pytest.raises(SubmissionError):
        checked(table(STRANGE[what]), whole=whole)


def test_rows_that_the_manifest_does_not_count_are_refused(checked: Checked) -> None:
    with pytest.raises(SubmissionError, match="has 1 rows, its manifest says 2"):
        checked(table({}), rows=2)


@pytest.mark.parametrize(
    "rows",
    [[{}, {}], [{}, {"value": Decimal(6), "row": 1}]],
    ids=["a row twice", "two values for one key"],
)
def test_a_key_that_stands_twice_is_refused(checked: Checked, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(SubmissionError, match="each once"):
        checked(table(*rows))


def test_figures_out_of_order_are_refused_where_they_come_from_elsewhere(checked: Checked) -> None:
    with pytest.raises(SubmissionError, match="order of their keys"):
        checked(table({"indicator": "VT.04"}, {"indicator": "VT.03"}))


@pytest.mark.parametrize("told", [{"nil": True}, {"digests": {"content": "1" * 64}}])
def test_figures_that_are_not_those_of_the_digest_are_refused(
    checked: Checked, told: dict[str, Any]
) -> None:
    with pytest.raises(SubmissionError, match="content digest"):
        checked(table({}), **told)


@pytest.mark.parametrize("spoil", ["another frame", "no parquet"])
def test_a_file_that_is_no_frame_of_format_1_is_refused(
    tmp_path: Path, catalogue: Catalogue, sealed: Callable[..., Manifest], spoil: str
) -> None:
    manifest = sealed(tmp_path / "s", table({}))
    path = tmp_path / "s" / OBSERVATIONS
    if spoil == "another frame":
        table({}).drop("column").write_parquet(path)
    else:
        path.write_bytes(b"PAR1 and nothing else")
    again = manifest.model_copy(
        update={"files": manifest.files | {OBSERVATIONS: file_digest(path)}}
    )
    with pytest.raises(SubmissionError, match=OBSERVATIONS):
        verify(tmp_path / "s", again, VOICE, catalogue, check_digest=False)
