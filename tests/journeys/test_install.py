"""Packages are installed into a home, in force at once, with libraries of their own."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hub_core.errors import PluginError
from hub_core.packages import installed
from hub_core.pipeline.night import NightReport
from hub_core.upkeep.install import remove
from tests.command import hub
from tests.hub_core.conftest import GOOD
from tests.journeys.shelf import Shelf

pytestmark = [pytest.mark.usefixtures("alone_with_the_wheels"), pytest.mark.slow(seconds=10)]


@pytest.fixture(scope="module")
def shelf(alone_with_the_wheels: None, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
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
    [report] = [each for each in lived.gathers if each.province == "xau"]
    assert report.outcome == "failed"
    assert re.search(
        r"tried to start a process \(os.system, fixes.py line \d+\)", str(report.error)
    )


def test_the_list_says_where_a_package_comes_from(lived: NightReport, shelf: Shelf) -> None:
    done = shelf.run("province", "list", "--json")
    packages = {each["province"]: each for each in json.loads(done.stdout)["packages"]}
    python = ".".join(map(str, sys.version_info[:3]))
    assert (
        packages["ha_tinh"]["from"],
        packages["ha_tinh"]["version"],
        packages["ha_tinh"]["python"],
    ) == (
        "isolated",
        "1.0",
        python,
    )
    assert (packages["bon"]["from"], packages[GOOD]["from"]) == ("installed", "folder")
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


def test_a_restored_home_says_what_must_be_installed_again(
    lived: NightReport, shelf: Shelf, tmp_path: Path
) -> None:
    assert shelf.run("backup", str(tmp_path / "set")).returncode == 0
    new = tmp_path / "new"
    done = hub("restore", str(tmp_path / "set"), "--home", str(new), environment=os.environ)
    assert done.returncode == 0, done.stderr
    assert not list(new.glob("installed/*/*/"))
    listed = hub("province", "list", "--home", str(new), "--json", environment=os.environ)
    broken = json.loads(listed.stdout)["broken"]
    for name, again in (
        ("hue", "hub province install PATH --isolated"),
        ("bon", "hub province install PATH"),
    ):
        assert "1.0 was installed here and its files are gone" in broken[name]
        assert broken[name].endswith(again)


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
