from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import settings

from hub_core.engine import local
from hub_core.home import Hub
from hub_core.model.exchange import Digests, Manifest
from hub_core.model.observation import QUARANTINE, SCHEMA, content_digest, quarantine_digest
from hub_core.pipeline.night import NightReport, night
from hub_core.stages.seal import seal
from hub_core.testing.home import make_home

settings.register_profile("hub", deadline=None, max_examples=100, print_blob=True)
settings.load_profile("hub")

GATHER = "20250101-00000001"
NOTHING = "0" * 64


@pytest.fixture(scope="session")
def figures() -> Callable[..., pl.DataFrame]:
    """Figures of one key each, with these values."""

    def made(*values: str) -> pl.DataFrame:
        fixed = dict.fromkeys(SCHEMA.names(), "x") | {"status": "A", "part": 0, "row": 0}
        return pl.DataFrame(
            [{**fixed, "indicator": f"I{n}", "value": Decimal(each)} for n, each in enumerate(values)], schema=SCHEMA
        )

    return made


@pytest.fixture(scope="session")
def manifest(figures: Callable[..., pl.DataFrame]) -> Callable[..., Manifest]:
    """The manifest of a submission of figures; what else is said stands in it."""

    def made(table: pl.DataFrame | None = None, **more: Any) -> Manifest:
        table = figures("1") if table is None else table
        digests = {"content": content_digest(table), "quarantine": quarantine_digest(pl.DataFrame(schema=QUARANTINE))}
        digests |= more.pop("digests", {})
        told: dict[str, Any] = {
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
            "digests": Digests(**digests, catalogue=NOTHING, mapping=NOTHING, rules=NOTHING, plugin=NOTHING),
            "files": {},
            "sealed_at": datetime(2026, 1, 2, 3, tzinfo=UTC),
        }
        return Manifest.model_validate(told | more)

    return made


@pytest.fixture(scope="session")
def sealed(figures: Callable[..., pl.DataFrame], manifest: Callable[..., Manifest]) -> Callable[..., Manifest]:
    """Seal figures into a folder; the manifest that stands there."""

    def made(folder: Path, table: pl.DataFrame | None = None, **more: Any) -> Manifest:
        table = figures("1") if table is None else table
        folder.mkdir(parents=True, exist_ok=True)
        return seal(folder, table, pl.DataFrame(schema=QUARANTINE), manifest(table, **more))

    return made


# A night with a bad package beside a good one

ROOT = Path(__file__).parent.parent.parent
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
contact = "x"

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
ROWS = "dv,ky,ct,gt\nvn-nghe-an,2026-M10,VT.03,5\nvn-nghe-an,2026-M10,VT.04,7\n"


class Nights:
    """Homes on tmp packages beside the shipped ones, and nights in them with real child processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packages = folder / "packages"
        self.home = folder / "home"
        self.sources: dict[str, dict[str, dict[str, Any]]] = {}
        self.packages.mkdir()
        sample = ROOT / "plugins" / GOOD / "samples" / "telecom" / "2026-M10-invented" / "payload.csv"
        self.serve(sample.read_text(encoding="utf-8"), GOOD, file="2026-M10.csv")

    def package(self, name: str = "nghe_an", *, folder: str | None = None, **files: str) -> Path:
        """A package that is good where ``files`` do not say otherwise; ``__`` in a name is a dot."""
        root = self.packages / (folder or name)
        inside = root / "hub_provinces" / name
        inside.mkdir(parents=True)
        more = files.pop("more", "")
        told = {"pyproject__toml": PYPROJECT, "init": INIT, "province__toml": PROVINCE, "telecom__toml": PROVISION} | files
        for file, text in told.items():
            if text is None:
                continue
            path = root / "pyproject.toml" if file == "pyproject__toml" else inside / file.replace("__", ".")
            path = inside / "__init__.py" if file == "init" else path
            known = text in (PYPROJECT, PROVINCE, PROVISION)
            path.write_text(text.format(name=name, upper=name.upper(), more=more) if known else text, encoding="utf-8")
        return root

    def prepare(self, code: str, name: str = "nghe_an", **files: str) -> Path:
        """A good package with a ``prepare`` of its own."""
        return self.package(name, fixes__py=code, more=f'prepare = "hub_provinces.{name}.fixes:fix"', **files)

    def serve(
        self, rows: str = ROWS, name: str = "nghe_an", provision: str = "telecom", file: str = "a.csv"
    ) -> None:
        place = self.folder / "systems" / name / provision
        place.mkdir(parents=True, exist_ok=True)
        (place / file).write_text(rows, encoding="utf-8")
        self.sources.setdefault(name, {})[provision] = {"path": str(place)}

    def make(self, **gather: float) -> Path:
        if not self.home.exists():
            make_home(self.home, ROOT / "config", [ROOT / "plugins", self.packages], self.sources, None, **gather)
        return self.home

    @contextmanager
    def hub(self, **gather: float) -> Iterator[Hub]:
        hub = Hub.open(self.make(**gather), local(2))
        try:
            yield hub
        finally:
            hub.close()

    def night(self, *provinces: str, **gather: float) -> NightReport:
        """One night of the good province and of these."""
        with self.hub(**gather) as hub:
            return night(hub, NIGHT, lambda *_: None, ["2026-M10"], [GOOD, *(provinces or ["nghe_an"])])


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path)
