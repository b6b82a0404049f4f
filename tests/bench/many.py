"""A hub's home with many small provisions.

So many provinces, each with departments that report a district each.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

INDICATORS = 100
_RULES = (
    "flow",
    "sum",
    "sum",
    "",
    "",
    "M",
    "",
    ">=0",
    "",
)  # kind, space, time, ..., frequencies, better, range, source
DATAFLOW = "MANY"
COUNTRY = "vn"
_HUB = """\
name = "Many"

[plugins]
trusted = ["connectors"]
folders = ["packages"]

[gather]
allow_loopback = true
"""
_DATAFLOW = f"""\
id          = "{DATAFLOW}"
name_vi     = "Báo cáo nhiều nơi"
name_en     = "Report of many places"
calendar    = "S"
frequencies = ["M"]
covers      = ["{COUNTRY}"]
sign_off    = "none"
"""
_OBLIGATION = """\
[[obligation]]
dataflow    = "{dataflow}"
provider    = "{provider}"
province    = "{province}"
speaks_for  = ["{unit}"]
frequencies = ["M"]
due         = {{ M = "+5 days" }}
legal       = "none: invented for the bench"
"""
_PACKAGE = '''\
"""A province of the bench."""

from hub_core import Province, hookimpl


@hookimpl
def hub_province() -> Province:
    """Who they are and what they report stands in the TOML beside this file."""
    return Province.from_package(__name__)
'''
_PROVISION = """\
dataflow = "{dataflow}"
provider = "{provider}"

[source]
kind  = "rest"
url   = "{url}/{unit}?ky={{period}}"

[reader]
kind = "json"
rows = "/data"

[map]
org_unit  = {{ column = "don_vi", codes = "org_units.csv" }}
period    = {{ column = "ky" }}
indicator = {{ column = "ma", codes = "catalogue" }}
value     = {{ column = "gia_tri", number = "vi" }}
status    = {{ fixed = "A" }}
"""


def province(n: int) -> str:
    """The id of the nth province's package."""
    return f"tinh_{n:02d}"


def districts(provinces: int, departments: int) -> list[str]:
    """The org units that are reported of, each by its own department."""
    return [
        f"{province(n).replace('_', '-')}-{k:02d}"
        for n in range(provinces)
        for k in range(departments)
    ]


def make_home(home: Path, url: str, provinces: int = 40, departments: int = 25) -> Path:
    """A fresh home; what stood there before is gone."""
    shutil.rmtree(home, ignore_errors=True)
    config = home / "config"
    for name in ("dataflows", "obligations", "deliveries", "catalogue"):
        (config / name).mkdir(parents=True)
    (config / "hub.toml").write_text(_HUB, encoding="utf-8")
    (config / "dataflows" / f"{DATAFLOW}.toml").write_text(_DATAFLOW, encoding="utf-8")
    units, names = (
        [(COUNTRY, "country", "", "", "", "")],
        [(COUNTRY, "Việt Nam", "Viet Nam", "quốc gia", "", "")],
    )
    for n in range(provinces):
        package = province(n)
        above = package.replace("_", "-")
        units.append((above, "province", "", "", COUNTRY, ""))
        names.append((above, f"Tỉnh {n}", f"Province {n}", "tỉnh", "", ""))
        module = home / "packages" / package / "hub_provinces" / package
        module.mkdir(parents=True)
        (module / "__init__.py").write_text(_PACKAGE, encoding="utf-8")
        project = (
            f'[project]\nname = "{package}"\nversion = "1"\n\n[project.entry-points.lienthong]\n'
        )
        project += f'{package} = "hub_provinces.{package}"\n'
        (home / "packages" / package / "pyproject.toml").write_text(project, encoding="utf-8")
        who = f'id = "{package}"\nname = "Tỉnh {n}"\n'
        who += (
            'contact = { name = "nobody", email = "a@example.org", telephone = "024 0000 0000" }\n'
        )
        duties, here = "", []
        for k in range(departments):
            unit, provider = f"{above}-{k:02d}", f"{package.upper()}.SO_{k:02d}"
            here.append((unit, unit))
            units.append((unit, "commune", "", "", above, ""))
            names.append((unit, f"Huyện {n} {k}", f"District {n} {k}", "huyện", "", ""))
            who += f'\n[[providers]]\nid = "{provider}"\nname = "Sở {k}"\n'
            told = {
                "dataflow": DATAFLOW,
                "provider": provider,
                "province": package,
                "unit": unit,
                "url": url,
            }
            (module / f"so_{k:02d}.toml").write_text(_PROVISION.format(**told), encoding="utf-8")
            duties += _OBLIGATION.format(**told) + "\n"
        _write(module / "org_units.csv", "source,target", here)
        (module / "province.toml").write_text(who, encoding="utf-8")
        (config / "obligations" / f"{package}.toml").write_text(duties, encoding="utf-8")
    indicators = [
        (code, DATAFLOW, local, f"Indicator {n}", "cái", *_RULES)
        for n, (local, code) in enumerate(codes().items())
    ]
    catalogue = config / "catalogue"
    _write(catalogue / "org_units.csv", "id,level,valid_from,valid_to,parent,legal_act", units)
    _write(
        catalogue / "org_unit_names.csv", "org_unit,name,name_en,type,valid_from,valid_to", names
    )
    _write(catalogue / "org_unit_codes.csv", "org_unit,scheme,code,valid_from,valid_to", [])
    _write(catalogue / "memberships.csv", "org_unit,member,valid_from,valid_to", [])
    _write(catalogue / "successions.csv", "date,kind,predecessor,successor,legal_act", [])
    _write(catalogue / "aliases.csv", "codelist,alias,code,valid_from,valid_to", [])
    _write(
        catalogue / "units.csv",
        "unit,name_en,decimals,per,base,factor",
        [("cái", "piece", "0", "", "", "")],
    )
    header = "code,dataflow,name_vi,name_en,unit,kind,agg_space,agg_time,numerator,denominator,frequencies,better"
    _write(catalogue / "indicators.csv", f"{header},range,source", indicators)
    return home


def codes() -> dict[str, str]:
    """The catalogue's codes of the indicators, by the departments' words for them."""
    return {f"Chỉ tiêu {n}": f"MN.{n:02d}" for n in range(INDICATORS)}


def totals(provinces: int, departments: int, label: str) -> dict[str, dict[str, int]]:
    """What all districts together report for a period, by org unit above them and indicator."""
    known = codes()
    sums: dict[str, dict[str, int]] = {}
    for unit in districts(provinces, departments):
        for row in rows(unit, label):
            for above in (COUNTRY, unit.rpartition("-")[0]):
                of_unit = sums.setdefault(above, dict.fromkeys(known.values(), 0))
                of_unit[known[row["ma"]]] += int(row["gia_tri"])
    return sums


def rows(unit: str, label: str) -> list[dict[str, str]]:
    """What a district reports for a period; the same each time it is asked."""
    place = sum(ord(each) * 31**n for n, each in enumerate(unit + label)) % 10_007
    return [
        {
            "don_vi": unit,
            "ky": label,
            "ma": f"Chỉ tiêu {n}",
            "gia_tri": str((place * (n + 7)) % 99_991),
        }
        for n in range(INDICATORS)
    ]


def _write(path: Path, header: str, lines: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(lines)
