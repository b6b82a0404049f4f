"""Packages that a test may install: their wheels, those of their libraries, and a home with duties for them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path

from hub_core.engine.engine import local
from hub_core.home import Hub
from hub_core.packages import installed
from hub_core.pipeline.night import NightReport, night
from hub_core.upkeep import doctor
from hub_core.upkeep.install import Installation, install
from tests.command import hub
from tests.hub_core.conftest import NIGHT, Nights

FACTORS = """import {library}
import polars as pl

def fix(frame):
    {more}
    return frame.with_columns(gt=pl.lit(str({library}.FIGURE)))
"""
PROVINCES = ("ha_tinh", "hue", "ba", "bon", "xau")
OWING = {
    "ha_tinh": "vn-ha-tinh",
    "hue": "vn-thua-thien-hue",
}  # they have duties as shipped, and no package


def wheel(
    folder: Path,
    name: str,
    version: str,
    files: dict[str, str],
    requires: tuple[str, ...] = (),
    entry: str = "",
) -> Path:
    """A wheel of a made-up library, or of a package."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    contents |= {f"{info}/entry_points.txt": f"[lienthong]\n{entry}\n"} if entry else {}
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in contents.items():
            archive.writestr(file, text)
        archive.writestr(
            f"{info}/RECORD", "".join(f"{file},,\n" for file in [*contents, f"{info}/RECORD"])
        )
    return path


class Shelf:
    """Packages that lie about, wheels of libraries, and a home with duties for them."""

    def __init__(self, folder: Path, names: tuple[str, ...] = PROVINCES) -> None:
        self.folder, self.wheels = folder, folder / "wheels"
        self.canary = folder / "canary"
        self.nights = Nights(folder)
        for name in names:
            if name not in OWING:
                shutil.rmtree(self.nights.package(name))
        self.nights.sources |= {
            name: {"telecom": {"path": str(folder / "systems" / name / "telecom")}}
            for name in OWING
        }
        self.home = self.nights.make(seconds=30)
        self.nights.units |= OWING
        for name in OWING:
            self.nights.serve(name=name)
        for version, figure in (("1.0", 10), ("2.0", 20)):
            self.library("clashlib", version, figure)

    def library(self, name: str, version: str, figure: int) -> None:
        # when a Python of its environment starts
        sings = f"import os; open({str(self.canary)!r}, 'a').close()\n"
        files = {
            f"{name}/__init__.py": f"FIGURE = {figure}\n",
            f"{name}.pth": sings,
            "sitecustomize.py": sings,
        }
        wheel(self.wheels, name, version, files)

    def package(
        self, name: str, *requires: str, library: str = "", version: str = "1.0", more: str = "pass"
    ) -> Path:
        """The folder of a package whose figures are those of a library."""
        prepare = f'prepare = "hub_provinces.{name}.fixes:fix"' if library else ""
        code = (
            {"hub_provinces/NAME/fixes.py": FACTORS.format(library=library, more=more)}
            if library
            else {}
        )
        root = Path(self.nights.package(name, code, more=prepare)).rename(
            self.folder / f"{name}-{version}"
        )
        path = root / "pyproject.toml"
        needs = f'version = "{version}"\ndependencies = {json.dumps(["lienthong>=1.0.dev0,<2", *requires])}'
        path.write_text(
            path.read_text(encoding="utf-8").replace('version = "1.0.dev0"', needs),
            encoding="utf-8",
        )
        return root

    def as_wheel(self, root: Path, *requires: str) -> Path:
        """The wheel of a package's folder."""
        name, _, version = root.name.partition("-")
        inside = {
            str(p.relative_to(root)): p.read_text("utf-8")
            for p in root.rglob("hub_provinces/**/*")
            if p.is_file()
        }
        return wheel(
            root.parent,
            f"lienthong_{name}",
            version,
            inside,
            requires,
            f"{name} = hub_provinces.{name}",
        )

    def hub(self) -> Hub:
        return Hub.open(self.home, local())

    def install(self, path: Path, *, isolated: bool = False) -> Installation:
        hub = self.hub()
        try:
            return install(hub, path, NIGHT, lambda *_: None, [self.wheels], isolated=isolated)
        finally:
            hub.close()

    def night(self, days: int, *names: str) -> NightReport:
        hub = self.hub()
        try:
            now = NIGHT + timedelta(days=days)
            with hub.alone(now):
                return night(hub, now, lambda *_: None, ["2026-M10"], list(names))
        finally:
            hub.close()

    def released(self, *names: str) -> dict[str, str]:
        """What the last release gives for provinces' own org units."""
        hub = self.hub()
        try:
            figures = list(hub.releases.figures(hub.releases.all()[-1].id))
        finally:
            hub.close()
        values = {
            each["org_unit"]: f"{each['value'].normalize():f}"
            for each in figures
            if each["indicator"] == "VT.03"
        }
        return {name: values[self.nights.units[name]] for name in names}

    def figure(self, name: str) -> str:
        """What is current of a province."""
        hub = self.hub()
        try:
            [mine] = [
                each
                for each in hub.store.currents("TELECOM", "S", ["2026-M10"])
                if each.province == name
            ]
            frame = hub.observations(hub.config.catalogue, [mine]).collect()
        finally:
            hub.close()
        return f"{frame.filter(indicator='VT.03')['value'].item().normalize():f}"

    def examined(self) -> list[tuple[str, str, str]]:
        hub = self.hub()
        try:
            examined = doctor.examine(hub, lambda *_: None, deep=False)
        finally:
            hub.close()
        return [
            (each.kind, each.place, each.what)
            for each in examined.found
            if each.kind in ("install", "package")
        ]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return hub(*words, "--home", str(self.home), environment=os.environ)

    def in_force(self, name: str) -> installed.Installed:
        [package] = [each for each in installed.read(self.home)[0] if each.name == name]
        return package
