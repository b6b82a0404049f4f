"""The bench's master data.

100 indicators and 3,500 org units in 34 provinces, and what a night on them must give.
"""

from __future__ import annotations

from dataclasses import dataclass

INDICATORS, ORG_UNITS, PROVINCES = 100, 3500, 34
PERIOD_ROWS = INDICATORS * ORG_UNITS
UNITS = ("hồ sơ", "người", "triệu đồng", "%", "lượt", "ha", "trường", "giường")
DECIMALS = 3  # of every unit: what a release rounds to
FIELDS = ("ma_chi_tieu", "don_vi", "ky", "gia_tri", "don_vi_tinh", "trang_thai")
DATAFLOW = "BENCH"
COUNTRY = "vn"
RULES = {"unknown_code": "V001", "bad_number": "V002", "negative": "V005", "duplicate": "V006"}


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator by the department's word for it and by ours.

    ``weight`` is the number of the one that weighs it.
    """

    number: int
    local: str
    code: str
    rule: str  # sum, ratio, last
    unit: str
    signed: bool
    weight: int | None


@dataclass(frozen=True, slots=True)
class OrgUnit:
    """A commune by the department's word for it and by our id."""

    local: str
    id: str
    province: str


def indicators() -> list[Indicator]:
    """60 that add up, 20 averages weighted by one of those, 20 stocks whose last value stands."""
    found = []
    for n in range(INDICATORS):
        rule = "sum" if n < 60 else "ratio" if n < 80 else "last"
        weight = n - 60 if rule == "ratio" else None
        code = f"IND.{rule.upper()}.{n:03d}"
        found.append(
            Indicator(n, f"BC-{n:02d}", code, rule, UNITS[n % len(UNITS)], n % 20 == 5, weight)
        )
    return found


def provinces() -> list[str]:
    """The ids of the provinces."""
    return [f"{COUNTRY}{p + 1:02d}" for p in range(PROVINCES)]


def org_units() -> list[OrgUnit]:
    """Communes, dealt to the provinces in turn."""
    names = provinces()
    return [
        OrgUnit(f"{p + 1:02d}-{nth:04d}", f"{names[p]}-{nth:04d}", names[p])
        for nth, p in (divmod(n, PROVINCES) for n in range(ORG_UNITS))
    ]


def month(number: int) -> str:
    """The department's word for the nth month, the first being January 2024."""
    return f"{2024 + number // 12}-{number % 12 + 1:02d}"


def labels(rows: int) -> list[str]:
    """The periods that so many rows speak of."""
    return [month(n).replace("-", "-M") for n in range(-(-rows // PERIOD_ROWS))]
