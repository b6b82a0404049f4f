"""Who is meant by an id, a code, a name or an alias, and when."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from hub_core.mapping.meaning import resolve
from hub_core.model.catalogue import Catalogue

ROOT = Path(__file__).parents[3]
JUNE, JULY = date(2025, 6, 30), date(2025, 7, 1)


@pytest.mark.parametrize(
    ("text", "day", "unit", "by"),
    [
        ("vn-quang-tri", JULY, "vn-quang-tri", ["id"]),  # an id means its unit on any day
        ("44", JUNE, "vn-quang-binh", ["GSO", "GSO"]),
        ("44", JULY, "vn-quang-tri-2025", ["GSO", "GSO"]),
        ("01", date(2008, 7, 31), "vn-ha-noi", ["GSO", "GSO"]),
        ("01", date(2008, 8, 1), "vn-ha-noi-2008", ["GSO", "GSO"]),
        ("h56", None, "vn-thanh-hoa", ["AGENCY"]),
        ("000.00.00.H56", None, "vn-thanh-hoa", ["AGENCY_QCVN102"]),
        ("G14", None, "vn-bo-tt-tt", ["AGENCY"]),
        ("VN-26", JULY, "vn-thua-thien-hue", ["ISO3166-2"]),
        ("tỉnh QUẢNG TRỊ", JUNE, "vn-quang-tri", ["name", "name"]),
        ("Quang Tri", JULY, "vn-quang-tri-2025", ["name", "name"]),
        ("Thừa Thiên Huế", JUNE, "", ["name"]),  # it was called Huế then
        ("Thừa Thiên Huế", None, "vn-thua-thien-hue", ["name"]),
        ("Quảng Bình", JULY, "", ["name"]),
        ("TT Huế", JULY, "vn-thua-thien-hue", ["alias"]),
        ("HCM", JULY, "vn-ho-chi-minh-2025", ["alias", "alias"]),
        ("Atlantis", None, "", []),
        ("", None, "", []),
    ],
)
def test_a_word_means_one_org_unit_on_a_day(
    shipped: Catalogue, text: str, day: date | None, unit: str, by: list[str]
) -> None:
    found = resolve(shipped, text, day)
    assert (found.org_unit, [each.by for each in found.candidates]) == (unit, by)


def test_a_word_without_a_day_gives_all_that_it_meant_and_when(shipped: Catalogue) -> None:
    found = resolve(shipped, "15")
    assert found.org_unit == ""
    assert [(m.org_unit, m.valid.first, m.valid.last) for m in found.candidates] == [
        ("vn-yen-bai", date(2004, 7, 8), JUNE),
        ("vn-lao-cai-2025", JULY, None),
    ]


def test_every_word_of_the_catalogue_means_its_own_org_unit(shipped: Catalogue) -> None:
    for unit in shipped.org_units.values():
        for word in (unit.id, *(c.code for c in unit.codes), *(n.name for n in unit.names)):
            assert unit.id in {m.org_unit for m in resolve(shipped, word).candidates}, word
