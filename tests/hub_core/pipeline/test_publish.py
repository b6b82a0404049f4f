"""Which figures a release is made of, where reports of other periods stand beside them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from hub_core.model.exchange import Manifest
from hub_core.model.observation import SCHEMA
from hub_core.model.period import Period
from hub_core.pipeline.publish import publish
from hub_core.pipeline.take_over import admit_folder

if TYPE_CHECKING:
    from tests.hub_core.conftest import Nights

NOW = datetime(2026, 11, 6, tzinfo=UTC)
OFFICE = {
    "province": "tong_cuc_thong_ke",
    "provider": "TONG_CUC_THONG_KE.DAN_SO",
    "dataflow": "DENOMINATORS",
}
Report = tuple[str, str, dict[str, int]]  # org unit, period, figures by indicator
Release = Callable[..., dict[tuple[str, str], Decimal]]


@pytest.fixture
def release(nights: Nights, tmp_path: Path, sealed: Callable[..., Manifest]) -> Release:
    """The figures of TELECOM's release for a period, after reports sealed elsewhere were admitted."""

    def made(period: str, *reports: Report) -> dict[tuple[str, str], Decimal]:
        with nights.hub() as hub:
            for n, (unit, label, told) in enumerate(reports, 1):
                fixed = {
                    "calendar": "S",
                    "measure": "actual",
                    "dims": "",
                    "status": "A",
                    "part": 0,
                    "row": 0,
                }
                fixed |= {"column": None, "org_unit": unit, "period": label}
                rows = [
                    fixed | {"indicator": code, "value": value}
                    for code, value in sorted(told.items())
                ]
                name = unit.removeprefix("vn-").replace("-", "_")
                who = {"province": name, "provider": f"{name.upper()}.SKHCN"}
                who = OFFICE if min(told).startswith("KX") else who
                gather = {
                    "gather": f"20250101-{n:08d}",
                    "sequence": n,
                    "provision": f"p{n}",
                    "period": label,
                }
                sealed(tmp_path / str(n), pl.DataFrame(rows, schema=SCHEMA), **gather, **who)
                admit_folder(hub, tmp_path / str(n), NOW)
            done = publish(hub, "TELECOM", Period.parse(period), NOW, at_once=True)
            assert done.release is not None
            figures = hub.releases.figures(hub.releases.named(done.release).id)
        return {(row["indicator"], row["org_unit"]): row["value"] for row in figures}

    return made


def test_a_denominator_that_comes_once_a_year_is_the_latest_that_had_ended(
    release: Release,
) -> None:
    found = release(
        "2026-Q1",
        ("vn-nghe-an", "2024", {"KX.90": 1000}),
        ("vn-nghe-an", "2025", {"KX.90": 2000}),
        ("vn-nghe-an", "2026", {"KX.90": 4000}),
        ("vn-nghe-an", "2026-Q1", {"VT.07": 500}),
    )
    assert found["VT.08", "vn-nghe-an"] == 25


def test_who_reported_nothing_has_no_ratio_from_last_years_report(release: Release) -> None:
    """Subscriptions and smartphones come every quarter.

    Last year's are no components of this quarter's share.
    """
    found = release(
        "2026-Q1",
        ("vn-nghe-an", "2025", {"VT.03": 100, "VT.05": 90}),
        ("vn-thanh-hoa", "2026-Q1", {"VT.03": 100, "VT.05": 50}),
    )
    assert found["VT.06", "vn-thanh-hoa"] == 50
    assert ("VT.06", "vn-nghe-an") not in found
    assert found["VT.06", "cluster-5"] == 50


def test_a_nine_month_figure_is_no_component_of_the_whole_year(release: Release) -> None:
    found = release(
        "2025",
        ("vn-nghe-an", "2025-N1", {"VT.03": 100, "VT.05": 90}),
        ("vn-thanh-hoa", "2025", {"VT.03": 100, "VT.05": 50}),
    )
    assert ("VT.06", "vn-nghe-an") not in found
    assert found["VT.06", "cluster-5"] == 50


def test_an_indicator_is_released_for_its_own_frequencies_only(release: Release) -> None:
    """VT.16 is a yearly indicator: last year's is not this quarter's."""
    found = release(
        "2026-Q1",
        ("vn-nghe-an", "2025", {"KX.93": 130}),
        ("vn-nghe-an", "2025", {"VT.16a": 65}),
        ("vn-nghe-an", "2026-Q1", {"VT.03": 1}),
    )
    assert ("VT.16", "vn-nghe-an") not in found
