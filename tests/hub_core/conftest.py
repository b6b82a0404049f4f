from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest

from hub_core import structures
from hub_core.engine.engine import Engine, InlineEngine, local
from hub_core.home import Hub
from hub_core.model.catalogue import Catalogue
from hub_core.model.exchange import Digests, Manifest
from hub_core.model.observation import QUARANTINE, SCHEMA, content_digest, quarantine_digest
from hub_core.pipeline.attempt import GatherReport
from hub_core.pipeline.night import NightReport, night
from hub_core.stages.seal import seal
from hub_core.testing.home import make_home


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A night of many packages takes more than ten seconds."""
    for item in items:
        if "long_night" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


ROOT = Path(__file__).parent.parent.parent
GATHER = "20250101-00000001"
NOTHING = "0" * 64


@pytest.fixture(scope="session")
def figures() -> Callable[..., pl.DataFrame]:
    """Figures of one key each, with these values."""

    def made(*values: str) -> pl.DataFrame:
        fixed = dict.fromkeys(SCHEMA.names(), "x") | {"status": "A", "part": 0, "row": 0}
        return pl.DataFrame(
            [
                {**fixed, "indicator": f"I{n}", "value": Decimal(each)}
                for n, each in enumerate(values)
            ],
            schema=SCHEMA,
        )

    return made


@pytest.fixture(scope="session")
def manifest(figures: Callable[..., pl.DataFrame]) -> Callable[..., Manifest]:
    """The manifest of a submission of figures; what else is said stands in it."""

    def made(table: pl.DataFrame | None = None, **more: Any) -> Manifest:
        table = figures("1") if table is None else table
        digests = {
            "content": content_digest(table),
            "quarantine": quarantine_digest(pl.DataFrame(schema=QUARANTINE)),
        }
        digests |= more.pop("digests", {})
        usual: dict[str, Any] = {
            "gather": GATHER,
            "replay": 0,
            "sequence": 1,
            "origin_start": date(2025, 1, 1),
            "province": "nghe_an",
            "provision": "telecom",
            "provider": "NGHE_AN.SKHCN",
            "dataflow": "TELECOM",
            "calendar": "S",
            "period": "2025-Q1",
            "sender": "nghe_an",
            "parts": [],
            "rows": table.height,
            "quarantined": 0,
            "counts": {},
            "findings": [],
            "digests": Digests(
                **digests, catalogue=NOTHING, mapping=NOTHING, rules=NOTHING, plugin=NOTHING
            ),
            "files": {},
            "sealed_at": datetime(2026, 1, 2, 3, tzinfo=UTC),
        }
        return Manifest.model_validate(usual | more)

    return made


@pytest.fixture(scope="session")
def sealed(
    figures: Callable[..., pl.DataFrame], manifest: Callable[..., Manifest]
) -> Callable[..., Manifest]:
    """Seal figures into a folder; the manifest that stands there."""

    def made(folder: Path, table: pl.DataFrame | None = None, **more: Any) -> Manifest:
        table = figures("1") if table is None else table
        folder.mkdir(parents=True, exist_ok=True)
        return seal(folder, table, pl.DataFrame(schema=QUARANTINE), manifest(table, **more))

    return made


@pytest.fixture(scope="session")
def shipped() -> Catalogue:
    """The shipped catalogue."""
    return structures.catalogue(structures.read_texts(ROOT / "config"))


def gone(pid: int, seconds: float = 60) -> bool:
    """Whether a process ends within some seconds; one that nobody has waited for yet has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


# A night with a bad package beside a good one

NIGHT = datetime(2026, 11, 6, 2, tzinfo=UTC)
GOOD = "quang_tri"
PYPROJECT = """
[project]
name = "lienthong-{name}"
version = "1.0.dev0"

[project.entry-points.lienthong]
{name} = "hub_provinces.{name}"
"""
INIT = """
from hub_core import Province, hookimpl

@hookimpl
def hub_province():
    return Province.from_package(__name__)
"""
PROVINCE = """
id = "{name}"
name = "{name}"
contact = {{ name = "bài kiểm thử", email = "thu@example.org", telephone = "024 0000 0000" }}

[[providers]]
id = "{upper}.SKHCN"
name = "Sở"
"""
PROVISION = """
dataflow = "TELECOM"
provider = "{upper}.SKHCN"
{more}
[source]
kind = "folder"
path = "/nowhere"
[reader]
kind = "csv"
[map]
org_unit = {{ column = "dv" }}
period = {{ column = "ky" }}
indicator = {{ column = "ct" }}
value = {{ column = "gt", number = "vi" }}
"""
CATALOGUE = ROOT / "config" / "catalogue"
MEMBERS = (CATALOGUE / "memberships.csv").read_text(encoding="utf-8")
UNITS = [  # provinces and ministries of today that nobody speaks for yet
    name
    for name, level, _, valid_to, *_ in csv.reader(
        (CATALOGUE / "org_units.csv").read_text(encoding="utf-8").splitlines()
    )
    if level in ("province", "ministry") and not valid_to and name not in MEMBERS
]
DUTY = """
[[obligation]]
dataflow = "TELECOM"
provider = "{upper}.SKHCN"
province = "{name}"
speaks_for = ["{unit}"]
frequencies = ["M"]
due = {{ M = "+5 days" }}
legal = "x"
"""


class Nights:
    """A home on tmp packages beside the shipped ones, and nights in it: with real child processes,
    unless another engine is given.
    """

    def __init__(self, folder: Path, engine: Callable[[], Engine] = local) -> None:
        self.folder = folder
        self.engine = engine
        self.packages = folder / "packages"
        self.home = folder / "home"
        self.sources: dict[str, dict[str, dict[str, Any]]] = {}
        self.units: dict[str, str] = {}
        self.packages.mkdir()
        sample = (
            ROOT / "plugins" / GOOD / "samples" / "telecom" / "2026-M10-invented" / "payload.csv"
        )
        self.serve(sample.read_text(encoding="utf-8"), GOOD, file="2026-M10.csv")

    def package(
        self,
        name: str,
        files: dict[str, str] | None = None,
        *,
        more: str = "",
        folder: str | None = None,
    ) -> Path:
        """A package that is good where ``files`` do not say otherwise, and an obligation that goes with it."""
        self.units.setdefault(name, UNITS[len(self.units)])
        root = self.packages / (folder or name)
        inside = f"hub_provinces/{name}"
        good = {
            "pyproject.toml": PYPROJECT.format(name=name),
            f"{inside}/__init__.py": INIT,
            f"{inside}/province.toml": PROVINCE.format(name=name, upper=name.upper()),
            f"{inside}/telecom.toml": PROVISION.format(upper=name.upper(), more=more),
        }
        for path, text in (
            good | {path.replace("NAME", name): text for path, text in (files or {}).items()}
        ).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        return root

    def prepare(self, name: str, code: str) -> Path:
        """A package that is good but for its ``prepare``: ``def fix(frame)`` in this code."""
        more = f'prepare = "hub_provinces.{name}.fixes:fix"'
        return self.package(name, {"hub_provinces/NAME/fixes.py": code}, more=more)

    def serve(
        self,
        rows: str | None = None,
        name: str = "",
        provision: str = "telecom",
        file: str = "a.csv",
    ) -> None:
        """Put a file where a province's system is.

        Two figures of its own where nothing else is said.
        """
        place = self.folder / "systems" / name / provision
        place.mkdir(parents=True, exist_ok=True)
        if rows is None:
            rows = "dv,ky,ct,gt\n" + "".join(
                f"{self.units[name]},2026-M10,VT.0{n},{n}\n" for n in (3, 4)
            )
        (place / file).write_text(rows, encoding="utf-8")
        self.sources.setdefault(name, {})[provision] = {"path": str(place)}

    def make(self, **gather: float) -> Path:
        """The home, pointed at what is served."""
        for name in self.units:
            if "telecom" not in self.sources.get(name, {}):
                self.serve(name=name)
        if not self.home.exists():
            make_home(
                self.home,
                ROOT / "config",
                [ROOT / "plugins", self.packages],
                self.sources,
                None,
                **gather,
            )
            duties = [
                DUTY.format(name=name, upper=name.upper(), unit=unit)
                for name, unit in self.units.items()
            ]
            if duties:
                (self.home / "config" / "obligations" / "more.toml").write_text(
                    "".join(duties), encoding="utf-8"
                )
        return self.home

    @contextmanager
    def hub(self, **gather: float) -> Iterator[Hub]:
        hub = Hub.open(self.make(**gather), self.engine())
        try:
            yield hub
        finally:
            hub.close()

    def night(self, **gather: float) -> NightReport:
        """One night of the good province and of the packages made here."""
        with self.hub(**gather) as hub:
            return night(hub, NIGHT, lambda *_: None, ["2026-M10"], [GOOD, *self.units])

    def bad_and_good(self, **gather: float) -> dict[str, GatherReport]:
        """The reports of a night by province and provision.

        The good province must be fine in it.
        """
        reports = {
            f"{each.province}/{each.provision}": each for each in self.night(**gather).gathers
        }
        good = reports[f"{GOOD}/telecom"]
        assert (good.outcome, good.error) == ("done", None)
        return reports


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path)


@pytest.fixture
def nights_without_children(tmp_path: Path) -> Iterator[Nights]:
    """Nights whose packages are read in this process: for what a night leaves, not how it went.

    What was loaded is forgotten afterwards: another test has packages of the same names.
    """
    paths = list(sys.path)
    yield Nights(tmp_path, InlineEngine)
    sys.path[:] = paths
    for name in [name for name in sys.modules if name.split(".")[0] == "hub_provinces"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def long_night(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """One night for many packages."""
    return Nights(tmp_path_factory.mktemp("night"))
