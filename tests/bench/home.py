"""A hub's home for the bench.

Its catalogue, dataflow, obligation and the one province package that reports all.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import workload

_HUB = """\
name = "Bench"

[store]
database = "sqlite:///hub.db"
landing  = "landing"

[plugins]
trusted = ["connectors"]
folders = ["packages"]

[gather]
allow_loopback = true

[sources.bench.pages]
url = "{url}"
"""
_DATAFLOW = f"""\
id          = "{workload.DATAFLOW}"
name_vi     = "Báo cáo đo tốc độ"
name_en     = "Bench report"
calendar    = "S"
frequencies = ["M", "Q"]
covers      = ["{workload.COUNTRY}"]
sign_off    = "none"
"""
_OBLIGATION = f"""\
[[obligation]]
dataflow    = "{workload.DATAFLOW}"
provider    = "BENCH.PAGES"
province    = "bench"
speaks_for  = ["{workload.COUNTRY}"]
frequencies = ["M", "Q"]
due         = {{ M = "+5 days", Q = "+10 days" }}
legal       = "none: invented for the bench"
"""
_PROJECT = """\
[project]
name = "lienthong-bench"
version = "1.0.0"

[project.entry-points.lienthong]
bench = "hub_provinces.bench"
"""
_PACKAGE = '''\
"""The bench's one province: it reports for the whole country."""

from hub_core import Province, hookimpl


@hookimpl
def hub_province() -> Province:
    """Who they are and what they report stands in the TOML beside this file."""
    return Province.from_package(__name__)
'''
_PROVINCE = """\
id      = "bench"
name    = "Bench"
contact = { name = "bài kiểm thử", email = "thu@example.org", telephone = "024 0000 0000" }
allowed_hosts = ["bench.example"]

[[providers]]
id   = "BENCH.PAGES"
name = "Bench"
"""
_PROVISION = f"""\
dataflow = "{workload.DATAFLOW}"
provider = "BENCH.PAGES"

[source]
kind  = "rest"
url   = "https://bench.example/1000000/1/json?page=1&size=10000"
pages = {{ kind = "next_link", at = "/next" }}

[reader]
kind = "json"
rows = "/data"

[map]
org_unit  = {{ column = "don_vi", codes = "org_units.csv" }}
period    = {{ column = "ky", pattern = "%Y-%m" }}
indicator = {{ column = "ma_chi_tieu", codes = "indicators.csv" }}
value     = {{ column = "gia_tri", number = "vi" }}
status    = {{ column = "trang_thai", codes = {{ A = "A", P = "P" }} }}

[ignore]
columns = ["don_vi_tinh"]
"""


def make_home(home: Path, url: str) -> Path:
    """A fresh home whose province finds its system at ``url``; what stood there before is gone."""
    shutil.rmtree(home, ignore_errors=True)
    config, package = home / "config", home / "packages" / "bench"
    module = package / "hub_provinces" / "bench"
    for path, text in {
        config / "hub.toml": _HUB.format(url=url),
        config / "dataflows" / f"{workload.DATAFLOW}.toml": _DATAFLOW,
        config / "obligations" / "bench.toml": _OBLIGATION,
        package / "pyproject.toml": _PROJECT,
        module / "__init__.py": _PACKAGE,
        module / "province.toml": _PROVINCE,
        module / "pages.toml": _PROVISION,
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (config / "deliveries").mkdir()
    _write_catalogue(config / "catalogue")
    _write(
        module / "indicators.csv",
        "source,target",
        ((i.local, i.code) for i in workload.indicators()),
    )
    _write(
        module / "org_units.csv", "source,target", ((o.local, o.id) for o in workload.org_units())
    )
    return home


def point(home: Path, url: str) -> None:
    """From now on the province finds its system at ``url``."""
    (home / "config" / "hub.toml").write_text(_HUB.format(url=url), encoding="utf-8")


def _write_catalogue(folder: Path) -> None:
    folder.mkdir(parents=True)
    indicators, communes, provinces = (
        workload.indicators(),
        workload.org_units(),
        workload.provinces(),
    )
    country = workload.COUNTRY
    units = [
        (country, "country", "", "", "", ""),
        *((p, "province", "", "", country, "") for p in provinces),
    ]
    units += [(o.id, "commune", "", "", o.province, "") for o in communes]
    names = [
        (country, "Việt Nam", "Viet Nam", "quốc gia"),
        *((p, f"Tỉnh {p[2:]}", p, "tỉnh") for p in provinces),
    ]
    names += [(o.id, f"Xã {o.local}", o.id, "xã") for o in communes]
    codes = [
        (country, "ISO3166-2", "VN"),
        *((o.id, "GSO", o.local.replace("-", "")) for o in communes),
    ]
    _write(folder / "org_units.csv", "id,level,valid_from,valid_to,parent,legal_act", units)
    _write(
        folder / "org_unit_names.csv",
        "org_unit,name,name_en,type,valid_from,valid_to",
        ((*n, "", "") for n in names),
    )
    _write(
        folder / "org_unit_codes.csv",
        "org_unit,scheme,code,valid_from,valid_to",
        ((*c, "", "") for c in codes),
    )
    _write(folder / "memberships.csv", "org_unit,member,valid_from,valid_to", [])
    _write(folder / "successions.csv", "date,kind,predecessor,successor,legal_act", [])
    _write(folder / "aliases.csv", "codelist,alias,code,valid_from,valid_to", [])
    _write(
        folder / "units.csv",
        "unit,name_en,decimals,per,base,factor",
        ((unit, unit, str(workload.DECIMALS), "", "", "") for unit in workload.UNITS),
    )
    _write(
        folder / "indicators.csv",
        "code,dataflow,name_vi,name_en,unit,kind,agg_space,agg_time,numerator,denominator,frequencies,better,range,source",
        (_indicator(each, indicators) for each in indicators),
    )


def _indicator(told: workload.Indicator, others: list[workload.Indicator]) -> Sequence[str]:
    """A line of ``indicators.csv``; the bench's ratios are averages weighted by one of the sums."""
    weight = "" if told.weight is None else others[told.weight].code
    kind, space, time = {
        "sum": ("flow", "sum", "sum"),
        "ratio": ("index", f"weighted_avg({weight})", "none"),
        "last": ("stock", "sum", "last"),
    }[told.rule]
    name, reach = f"Chỉ tiêu {told.number}", "any" if told.signed else ">=0"
    frequencies = "M" if time == "none" else "M,Q"
    return (
        told.code,
        workload.DATAFLOW,
        name,
        name,
        told.unit,
        kind,
        space,
        time,
        "",
        "",
        frequencies,
        "",
        reach,
        "",
    )


def _write(path: Path, header: str, rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)
