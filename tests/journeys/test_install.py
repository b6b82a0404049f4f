"""Packages are installed into a home.

Tried first, in force at once or not at all, with libraries of their own.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub_core.engine.engine import local
from hub_core.errors import ConfigurationError, PluginError, StateError, StoreError
from hub_core.home import Hub
from hub_core.packages import installed
from hub_core.packages import load as plugins
from hub_core.pipeline.night import NightReport, night
from hub_core.upkeep import doctor
from hub_core.upkeep.install import Installation, install, remove
from tests.command import HUB, hub
from tests.hub_core.conftest import GOOD, NIGHT, Nights
from tests.journeys.served import until
from tests.journeys.world import ROOT

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
    told = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    told |= {f"{info}/entry_points.txt": f"[lienthong]\n{entry}\n"} if entry else {}
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in told.items():
            archive.writestr(file, text)
        archive.writestr(
            f"{info}/RECORD", "".join(f"{file},,\n" for file in [*told, f"{info}/RECORD"])
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
            told = doctor.examine(hub, lambda *_: None, deep=False)
        finally:
            hub.close()
        return [
            (each.kind, each.place, each.what)
            for each in told.found
            if each.kind in ("install", "package")
        ]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return hub(*words, "--home", str(self.home), environment=os.environ)

    def in_force(self, name: str) -> installed.Installed:
        [told] = [each for each in installed.read(self.home)[0] if each.name == name]
        return told


@pytest.fixture(scope="module", autouse=True)
def _alone_with_the_wheels() -> Iterator[None]:
    """pip without an index and without this machine's settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            patch.delenv(name)
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_NO_INDEX", "1")
        yield


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"))


@pytest.fixture(scope="module")
def lived(shelf: Shelf) -> NightReport:
    """One night of provinces that need libraries which cannot stand beside one another."""
    sees = "import importlib.util as u; assert u.find_spec('sqlalchemy') is None, 'it sees the libraries of the hub'"
    shelf.library("markupsafe", "0.1", 7)
    shelf.install(
        shelf.as_wheel(shelf.package("ha_tinh", library="clashlib"), "clashlib<2"), isolated=True
    )
    shelf.install(shelf.package("hue", "clashlib>=2", library="clashlib"), isolated=True)
    shelf.install(
        shelf.package("ba", "markupsafe<1", library="markupsafe", more=sees), isolated=True
    )
    shelf.install(shelf.package("bon", "markupsafe>1"))
    starts = "import os; os.system('true')"
    shelf.install(shelf.package("xau", library="json", more=starts), isolated=True)
    return shelf.night(0, GOOD, "ha_tinh", "hue", "ba", "bon", "xau")


def test_two_provinces_with_clashing_libraries_are_in_one_release(
    lived: NightReport, shelf: Shelf
) -> None:
    outcomes = {each.province: (each.outcome, each.error) for each in lived.gathers}
    assert {name: outcomes[name] for name in (GOOD, "ha_tinh", "hue")} == dict.fromkeys(
        (GOOD, "ha_tinh", "hue"), ("done", None)
    )
    assert shelf.released("ha_tinh", "hue") == {"ha_tinh": "10", "hue": "20"}


def test_a_library_that_only_the_hub_needs_may_be_another(lived: NightReport, shelf: Shelf) -> None:
    assert importlib.metadata.version("markupsafe") != "0.1"
    assert shelf.figure("ba") == "7"


def test_a_package_that_the_hubs_libraries_do_for_runs_with_them(
    lived: NightReport, shelf: Shelf
) -> None:
    assert shelf.figure("bon") == "3"


def test_an_isolated_child_is_under_the_guard(lived: NightReport) -> None:
    [told] = [each for each in lived.gathers if each.province == "xau"]
    assert told.outcome == "failed"
    assert re.search(r"tried to start a process \(os.system, fixes.py line \d+\)", str(told.error))


def test_the_list_says_where_a_package_comes_from(lived: NightReport, shelf: Shelf) -> None:
    done = shelf.run("province", "list", "--json")
    told = {each["province"]: each for each in json.loads(done.stdout)["packages"]}
    python = ".".join(map(str, sys.version_info[:3]))
    assert (told["ha_tinh"]["from"], told["ha_tinh"]["version"], told["ha_tinh"]["python"]) == (
        "isolated",
        "1.0",
        python,
    )
    assert (told["bon"]["from"], told[GOOD]["from"]) == ("installed", "folder")
    assert re.search(rf"ha_tinh +1.0 +isolated +{python} ", shelf.run("province", "list").stdout)


def test_no_file_of_an_environment_is_run_before_the_guard_is_up(
    lived: NightReport, shelf: Shelf
) -> None:
    assert not shelf.canary.exists()
    python = next((shelf.home / "installed" / "hue").glob("*/environment/bin/python"))
    subprocess.run([python, "-c", ""], check=True)
    assert shelf.canary.exists(), "it would have sung"
    shelf.canary.unlink()


def test_an_upgraded_library_is_not_passed_over(lived: NightReport, shelf: Shelf) -> None:
    second = {each.province: each for each in shelf.night(1, "ha_tinh", "hue").gathers}
    assert (second["ha_tinh"].outcome, second["hue"].outcome) == ("unchanged", "unchanged")
    shelf.library("clashlib", "1.1", 11)
    shelf.install(shelf.as_wheel(shelf.folder / "ha_tinh-1.0", "clashlib<2"), isolated=True)
    third = {each.province: each for each in shelf.night(2, "ha_tinh", "hue").gathers}
    assert (third["ha_tinh"].outcome, third["ha_tinh"].counts["changed"]) == ("done", 2)
    assert third["hue"].outcome == "unchanged"
    assert not shelf.canary.exists()
    assert "clashlib" not in sys.modules


def test_what_an_install_follows_goes_with_the_next_journey(
    lived: NightReport, shelf: Shelf
) -> None:
    root, first = shelf.folder / "bon-1.0", shelf.in_force("bon").install
    folder = installed.folder(shelf.home) / "bon"
    again = shelf.install(root)
    assert again.before is not None
    assert again.before.install == first
    assert {each.name for each in folder.iterdir()} == {
        installed.ABOUT,
        first,
        again.installed.install,
    }
    assert [(kind, place) for kind, place, _ in shelf.examined()] == [
        ("install", f"installed/bon/{first}")
    ]
    shelf.night(3, "bon")
    assert {each.name for each in folder.iterdir()} == {installed.ABOUT, again.installed.install}
    assert shelf.examined() == []


# What is refused, and changes nothing


def toml(root: Path) -> Path:
    return root / "hub_provinces" / "nam" / "telecom.toml"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def linked(root: Path) -> None:
    (toml(root).parent / "x.csv").symlink_to("/etc/passwd")


def led_away(root: Path) -> None:
    (root / "hub_provinces").rename(root / "elsewhere")
    (root / "hub_provinces").symlink_to("elsewhere")


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no pyproject": (lambda r: (r / "pyproject.toml").unlink(), "it has no pyproject.toml"),
    "no toml": (
        lambda r: (r / "pyproject.toml").write_text("[project"),
        "needs one entry point in group lienthong",
    ),
    "no code": (lambda r: shutil.rmtree(r / "hub_provinces"), "it has no folder hub_provinces"),
    "no province": (
        lambda r: (toml(r).parent / "province.toml").unlink(),
        "province.toml is missing",
    ),
    "another's name": (
        lambda r: change(toml(r).parent / "province.toml", 'id = "nam"', 'id = "ba"'),
        "declares province ba",
    ),
    "another module": (
        lambda r: change(r / "pyproject.toml", "hub_provinces.nam", "hub_provinces.ba"),
        "is not hub_provinces.nam",
    ),
    "two provinces": (
        lambda r: shutil.copytree(toml(r).parent, r / "hub_provinces" / "ba"),
        "holds ba beside nam",
    ),
    "a link": (linked, "a package holds nothing else, no link either"),
    "a link for a folder": (led_away, "it has no folder hub_provinces"),
    "a pipe": (lambda r: os.mkfifo(toml(r).parent / "x"), "a package holds nothing else"),
    "a secret": (
        lambda r: change(toml(r), '"/nowhere"', '"/nowhere"\ntoken = "mật khẩu"'),
        "token holds a secret in the open",
    ),
    "no reader": (lambda r: change(toml(r), '"csv"', '"dbf"'), "no reader of kind 'dbf'"),
    "does not load": (
        lambda r: (toml(r).parent / "__init__.py").write_text("import khong_co"),
        "No module named 'khong_co'",
    ),
    "dies": (
        lambda r: (toml(r).parent / "__init__.py").write_text("import os; os._exit(3)"),
        "exit code 3",
    ),
    "a later hub": (
        lambda r: change(r / "pyproject.toml", "<2", "<2,>=1.5"),
        "is made for lienthong.*, and this hub is 1",
    ),
    "a later Python": (
        lambda r: change(r / "pyproject.toml", "version =", 'requires-python = ">=4"\nversion ='),
        "needs Python >=4",
    ),
    "no requirement": (
        lambda r: change(r / "pyproject.toml", "<2", "<2, --index-url=x"),
        "after version specifier",
    ),
    "an address": (
        lambda r: change(
            r / "pyproject.toml", "lienthong>=1.0.dev0,<2", "x @ https://x.example/x.whl"
        ),
        "x comes from an address",
    ),
    "found when built": (
        lambda r: change(r / "pyproject.toml", 'version = "1.0"', 'dynamic = ["version"]'),
        "build a wheel",
    ),
    "another project": (
        lambda r: change(r / "pyproject.toml", "lienthong-nam", "khac"),
        "is lienthong-nam 1.0 here, and this is khac: hub province remove nam first",
    ),
}


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """A home in which a good version of the package is in force."""
    shelf = Shelf(tmp_path_factory.mktemp("refusing"), ("nam", "ha_tinh"))
    shelf.install(shelf.package("nam"))
    return shelf


def tree(home: Path) -> set[str]:
    return {
        str(path.relative_to(home))
        for path in (home / "installed").rglob("*")
        if not re.search("hub-|[.]lock", str(path))
    }


@pytest.mark.parametrize("what", BAD)
def test_a_bad_package_changes_nothing(refusing: Shelf, tmp_path: Path, what: str) -> None:
    harm, words = BAD[what]
    root = tmp_path / "nam"
    shutil.copytree(refusing.folder / "nam-1.0", root)
    harm(root)
    before, force = tree(refusing.home), refusing.in_force("nam")
    with pytest.raises(ConfigurationError, match=words) as told:
        refusing.install(root)
    assert "mật khẩu" not in str(told.value)
    assert (tree(refusing.home), refusing.in_force("nam")) == (before, force)


ODD: dict[str, tuple[str, bytes, str]] = {
    "no archive": (
        "nam-1.0-py3-none-any.whl",
        b"PK but no zip",
        "is no wheel: File is not a zip file",
    ),
    "another file": ("nam.exe", b"MZ", "give its folder, its wheel"),
    "no source": ("nam-1.0.tar.gz", b"no tar", "cannot be unpacked: pip says: "),
}


@pytest.mark.parametrize("what", ODD)
def test_a_file_that_is_no_package_changes_nothing(
    refusing: Shelf, tmp_path: Path, what: str
) -> None:
    name, content, words = ODD[what]
    (tmp_path / name).write_bytes(content)
    before = tree(refusing.home)
    with pytest.raises(PluginError, match=words):
        refusing.install(tmp_path / name)
    assert tree(refusing.home) == before


def test_a_wheel_that_opens_to_too_much_is_not_opened(refusing: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "nam-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"")
        archive.infolist()[0].file_size = 1 << 31
    with pytest.raises(PluginError, match="opens to more than 1024 MB"):
        refusing.install(path)


def test_a_wheel_without_a_province_is_none(refusing: Shelf) -> None:
    with pytest.raises(PluginError, match="needs one entry point in group lienthong, has 0"):
        refusing.install(refusing.wheels / "clashlib-1.0-py3-none-any.whl")


def test_a_package_that_stands_elsewhere_is_not_installed_over_it(refusing: Shelf) -> None:
    with pytest.raises(
        PluginError, match=f"there is a package {GOOD} already .*take it away first"
    ):
        refusing.install(ROOT / "plugins" / GOOD)


def test_libraries_that_the_hub_lacks_are_named_and_so_is_the_way_out(refusing: Shelf) -> None:
    root = refusing.package("ha_tinh", "clashlib>=1", "polars<2", library="clashlib")
    with pytest.raises(ConfigurationError) as told:
        refusing.install(root)
    assert "clashlib>=1 is not there; polars<2 is needed, and 2" in str(told.value)
    assert str(told.value).endswith("is there. With --isolated it has libraries of its own")


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        ("khong-co>=1", "No matching distribution found for khong-co"),
        ("polars==0.1", r"polars==0.1 .*|The user requested \(constraint\) polars==2"),
        ("clashlib==3", "from versions: 1.0, 2.0"),
    ],
)
def test_libraries_that_are_not_to_be_had_are_named_in_pips_words(
    refusing: Shelf, tmp_path: Path, needs: str, words: str
) -> None:
    wheel(refusing.wheels, "polars", "0.1", {"polars.py": ""})
    root = tmp_path / "nam"
    shutil.copytree(refusing.folder / "nam-1.0", root)
    change(
        root / "pyproject.toml", '"lienthong>=1.0.dev0,<2"', f'"lienthong>=1.0.dev0,<2", "{needs}"'
    )
    before = tree(refusing.home)
    with pytest.raises(
        ConfigurationError, match=f"the libraries of nam are not to be had: pip says: .*({words})"
    ):
        refusing.install(root, isolated=True)
    assert tree(refusing.home) == before


def test_a_source_archive_is_built_where_its_tools_are_at_hand(
    refusing: Shelf, tmp_path: Path
) -> None:
    """With a build backend of its own, so that nothing is fetched."""
    built = refusing.as_wheel(refusing.folder / "nam-1.0").read_bytes()
    name = "lienthong_nam-1.0-py3-none-any.whl"
    backend = f"def build_wheel(to, *_):\n    open(to + '/{name}', 'wb').write({built!r})\n    return {name!r}\n"
    project = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    path = tmp_path / "lienthong_nam-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in {"pyproject.toml": project, "backend.py": backend}.items():
            member = tarfile.TarInfo(f"lienthong_nam-1.0/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    before = refusing.in_force("nam")
    told = refusing.install(path)
    assert (told.before, told.installed.project, told.left) == (before, "lienthong_nam", [])


# What a disk and a kill may do


def test_a_home_that_cannot_hold_it_says_so(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, ("nam",))
    (shelf.home / "installed").write_text("in the way")
    with pytest.raises(StoreError, match="it cannot be written"):
        shelf.install(shelf.package("nam"))


def test_a_disk_that_is_full_leaves_what_was_in_force(refusing: Shelf, tmp_path: Path) -> None:
    root = tmp_path / "nam"
    shutil.copytree(refusing.folder / "nam-1.0", root)
    (toml(root).parent / "large.csv").write_bytes(bytes(8 << 20))
    before, force = tree(refusing.home), refusing.in_force("nam")
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20,) * 2)"
    command = [
        sys.executable,
        "-c",
        f"{code}; from hub_core.cli import main; main()",
        "province",
        "install",
        str(root),
        "--home",
        str(refusing.home),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "StoreError: it cannot be written: " in done.stderr) == (1, True), (
        done.stderr
    )
    assert (tree(refusing.home), refusing.in_force("nam")) == (before, force)


@pytest.fixture
def silent_index() -> Iterator[str]:
    """An index that takes a question and never answers, until the test is over."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    asked.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        server.shutdown(socket.SHUT_RDWR)
        for each in asked:
            each.close()


def test_an_install_that_is_killed_leaves_what_was_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    shelf = Shelf(tmp_path, ("nam",))
    root = shelf.package("nam")
    force = shelf.install(root).installed
    change(root / "pyproject.toml", "<2", '<2", "nowhere')
    index = request.getfixturevalue("silent_index")
    monkeypatch.delenv("PIP_NO_INDEX")
    environment = {
        **os.environ,
        "PIP_INDEX_URL": index,
        "PIP_RETRIES": "0",
        "PIP_DEFAULT_TIMEOUT": "4",
    }
    command = [*HUB, "province", "install", str(root), "--isolated", "--home", str(shelf.home)]
    under_way = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        until(lambda: bool(list(shelf.home.glob("installed/nam/*/hub.txt"))), "pip to be at work")
        with pytest.raises(StateError, match="another install is under way"):
            shelf.install(root)
        assert shelf.examined() == []
    finally:
        os.kill(under_way.pid, signal.SIGKILL)
        under_way.communicate()
    assert installed.under_way(shelf.home), "its pip is still at work"
    until(lambda: not installed.under_way(shelf.home), "pip to give up")
    assert shelf.in_force("nam") == force
    [(kind, place, _)] = shelf.examined()
    assert (kind, place.startswith("installed/nam/"), force.install in place) == (
        "install",
        True,
        False,
    )
    hub = shelf.hub()
    try:
        mended = doctor.mend(hub, NIGHT, lambda *_: None, deep=False).mended
    finally:
        hub.close()
    assert [each.kind for each in mended] == ["install"]
    assert {each.name for each in (shelf.home / "installed" / "nam").iterdir()} == {
        installed.ABOUT,
        force.install,
    }
    assert shelf.night(0, "nam").gathers[0].outcome == "done"


# What an upgrade of the machine, or a restore, leaves


def harmed(shelf: Shelf, **other: Any) -> installed.Installed:
    told = shelf.in_force("nam").model_copy(update=other)
    installed.put_in_force(shelf.home, told)
    return told


def test_an_environment_that_no_longer_runs_is_named_with_what_mends_it(refusing: Shelf) -> None:
    told = refusing.install(refusing.folder / "nam-1.0", isolated=True).installed
    again = "hub province install PATH --isolated"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"python": "3.9.1"}, "its environment is of Python 3.9.1 and the hub runs 3"),
        ({"requires": ["lienthong>=9"]}, "lienthong>=9 is needed, and 1.0"),
        ({"requires": ["clashlib"]}, "clashlib is not there"),
    ]
    for other, words in cases:
        harmed(refusing, **told.model_dump() | other)
        [(_, place, what)] = [each for each in refusing.examined() if each[0] == "package"]
        assert (place, words in what, again in what) == ("nam", True, True), what
    done = refusing.run("check", "--json")
    assert done.returncode == 2
    found = [each["what"] for each in json.loads(done.stdout)["problems"] if each["where"] == "nam"]
    assert f"clashlib is not there: {again}" in found
    harmed(refusing, **told.model_dump())
    python = installed.python(installed.plugin(refusing.home, told))
    assert python
    assert [each for each in refusing.examined() if each[0] == "package"] == []
    Path(python).unlink()
    [(_, _, what)] = [each for each in refusing.examined() if each[0] == "package"]
    assert f"the Python of its environment is gone ({python}): {again}" in what
    assert "the Python of its environment is gone" in plugins.find([], refusing.home)[1]["nam"]
    refusing.install(refusing.folder / "nam-1.0", isolated=True)
    assert [each for each in refusing.examined() if each[0] == "package"] == []


def test_a_restored_home_says_what_must_be_installed_again(
    lived: NightReport, shelf: Shelf, tmp_path: Path
) -> None:
    assert shelf.run("backup", str(tmp_path / "set")).returncode == 0
    new = tmp_path / "new"
    done = hub("restore", str(tmp_path / "set"), "--home", str(new), environment=os.environ)
    assert done.returncode == 0, done.stderr
    assert not list(new.glob("installed/*/*/"))
    listed = hub("province", "list", "--home", str(new), "--json", environment=os.environ)
    told = json.loads(listed.stdout)["broken"]
    for name, again in (
        ("hue", "hub province install PATH --isolated"),
        ("bon", "hub province install PATH"),
    ):
        assert "1.0 was installed here and its files are gone" in told[name]
        assert told[name].endswith(again)


def test_a_package_that_is_removed_is_gone_and_its_figures_stay(
    lived: NightReport, shelf: Shelf
) -> None:
    done = shelf.run("province", "remove", "xau")
    assert done.returncode == 0
    assert "still there: the duty of XAU.SKHCN to report TELECOM" in done.stdout
    hub = shelf.hub()
    try:
        assert "xau" not in {**hub.plugins, **hub.broken}
        with pytest.raises(PluginError, match="no package xau is installed in this home"):
            remove(hub, "xau")
        with pytest.raises(
            PluginError,
            match=f"{GOOD} is installed in this home; it stands in .*take it away there",
        ):
            remove(hub, GOOD)
    finally:
        hub.close()
    shelf.night(4, GOOD)
    assert not (shelf.home / "installed" / "xau").exists()


def test_what_a_night_lacks_yet_is_said(refusing: Shelf, tmp_path: Path) -> None:
    root = tmp_path / "nam"
    shutil.copytree(refusing.folder / "nam-1.0", root)
    change(toml(root), "TELECOM", "DENOMINATORS")
    done = refusing.run("province", "install", str(root))
    assert done.returncode == 0, done.stderr
    assert "config/obligations has no duty of NAM.SKHCN to report DENOMINATORS" in " ".join(
        done.stdout.split()
    )


def test_a_folder_of_wheels_that_is_not_there_is_a_wrong_word(refusing: Shelf) -> None:
    done = refusing.run(
        "province", "install", str(refusing.folder / "nam-1.0"), "--find-links", "/nowhere"
    )
    assert (done.returncode, "/nowhere is no folder" in done.stderr) == (2, True)
