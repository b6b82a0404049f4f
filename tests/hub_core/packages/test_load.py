"""Bad packages in one night with a good one, in real child processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub_core.errors import ConfigurationError
from hub_core.landing.parts import open_part
from hub_core.landing.zone import LandingZone
from hub_core.packages import load as plugins
from hub_core.pipeline.attempt import GatherReport
from hub_core.pipeline.night import NightReport
from hub_core.pipeline.quarantine import quarantined

if TYPE_CHECKING:
    from tests.hub_core.conftest import Nights

INIT = "hub_provinces/NAME/__init__.py"
FIXES = "import os, sys, signal, polars as pl\ndef fix(frame):\n    "

# What a package's own files may do wrong, and the words in which its run must fail
PACKAGES: dict[str, tuple[dict[str, str], str]] = {
    "raises_at_import": (
        {INIT: "raise ValueError('đang sửa')"},
        "would not load: ValueError: đang sửa",
    ),
    "imports_what_is_not_there": (
        {INIT: "import khong_co"},
        "would not load: ModuleNotFoundError.*khong_co",
    ),
    "is_no_python": ({INIT: "def hub_province(:"}, "would not load: SyntaxError"),
    "exits_at_import": ({INIT: "import sys; sys.exit(0)"}, "would not load: SystemExit"),
    "dies_at_import": ({INIT: "import os; os._exit(7)"}, "its process ended with exit code 7"),
    "misspells_the_hook": (
        {INIT: "from hub_core import hookimpl\n@hookimpl\ndef hub_provnice():\n    return None\n"},
        "hub_provnice",
    ),
    "misspells_it_otherwise": (
        {INIT: "from hub_core import hookimpl\n@hookimpl\ndef the_province():\n    return None\n"},
        "the_province|has no hook hub_province",
    ),
    "has_no_hook": ({INIT: '"""Nothing."""'}, "has no hook hub_province"),
    "forgets_the_mark": (
        {INIT: "def hub_province():\n    return 1\n"},
        "hub_province must give one Province, gave",
    ),
    "gives_a_text": (
        {
            INIT: "from hub_core import hookimpl\n@hookimpl\ndef hub_province():\n    return 'nghe_an'\n"
        },
        "must give one Province, gave .*nghe_an",
    ),
    "takes_arguments": (
        {
            INIT: "from hub_core import hookimpl\n@hookimpl\ndef hub_province(frame):\n    return None\n"
        },
        "hub_province",
    ),
    "raises_in_the_hook": (
        {INIT: "from hub_core import hookimpl\n@hookimpl\ndef hub_province():\n    1/0\n"},
        "hub_province raised ZeroDivisionError",
    ),
}

# What a ``prepare`` may do wrong
PREPARES: dict[str, tuple[str, str]] = {
    "prepare_raises": ("raise KeyError('Tỉnh')", "raised KeyError: 'Tỉnh'"),
    "prepare_gives_nothing": ("return None", "must give a frame that keeps row"),
    "prepare_spoils_row": ("return frame.with_columns(row=pl.lit('x'))", "PluginError|raised|row"),
    "prepare_exits": ("sys.exit('hết')", "SystemExit"),
    "prepare_dies": ("os._exit(9)", "its process ended with exit code 9"),
    "prepare_is_killed": (
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "its process ended by signal SIGSEGV",
    ),
    "prepare_complains_and_dies": (
        "sys.stderr.write('không mở được máy in\\n'); os._exit(1)",
        "exit code 1; its last words: không mở được máy in",
    ),
    "prepare_recurses": ("return fix(frame)", "RecursionError"),
    "prepare_closes_everything": (
        "os.closerange(3, 64); return frame",
        "its process ended|no answer|raised|Bad file",
    ),
    "prepare_raises_what_it_made_itself": (
        "raise type('Odd', (BaseException,), {})('lạ')",
        "the province's code ended with Odd: lạ",
    ),
    "prepare_interrupts": ("raise KeyboardInterrupt", "its process ended|KeyboardInterrupt"),
}


# What its declaration may say wrong: found as files, before any child
INSIDE = "hub_provinces/NAME"
OTHERS = 'id = "quang_tri"\nname = "x"\ncontact = "x"\n[[providers]]\nid = "QUANG_TRI.SKHCN"\nname = "x"\n'
DECLARATIONS: dict[str, tuple[dict[str, str], str]] = {
    "unknown_key": (
        {f"{INSIDE}/telecom.toml": 'dataflow = "TELECOM"\nschedule = "02:00"'},
        r"telecom\.toml: .*schedule: unknown key",
    ),
    "not_toml": ({f"{INSIDE}/telecom.toml": "dataflow = TELECOM"}, r"telecom\.toml"),
    "not_toml_either": ({f"{INSIDE}/province.toml": "[["}, r"province\.toml"),
    "unknown_province_key": (
        {f"{INSIDE}/province.toml": 'id = "unknown_province_key"\nfax = "1"'},
        r"province\.toml: .*fax: unknown key",
    ),
    "no_dataflow": ({f"{INSIDE}/telecom.toml": 'provider = "X.Y"'}, r"telecom\.toml: dataflow"),
    "no_provider": (
        {f"{INSIDE}/province.toml": 'id="no_provider"\nname="p"\ncontact="x"\nproviders=[]\n'},
        r"provider NO_PROVIDER\.SKHCN does not stand in province\.toml",
    ),
    "names_another": ({f"{INSIDE}/province.toml": OTHERS}, "quang_tri"),
    "another_module": (
        {
            "pyproject.toml": '[project.entry-points.lienthong]\nanother_module = "hub_provinces.q"\n'
        },
        r"another_module = 'hub_provinces\.q' is not hub_provinces\.another_module",
    ),
}
CHANGED: dict[str, tuple[str, str, str]] = {  # in a good telecom.toml
    "open_secret": (
        '"/nowhere"',
        '"/nowhere"\ntoken = "mật khẩu"',
        "token holds a secret in the open",
    ),
    "unknown_dataflow": ("TELECOM", "POSTAL", "dataflow POSTAL is not in the catalogue"),
}
MOVED = {  # names of provisions that are no words
    "hyphen": "telecom-monthly.toml",
    "capital": "Telecom.toml",
    "blank": "viễn thông.toml",
    "digit": "1.toml",
}

# What a child finds wrong with a declaration
MADE: dict[str, tuple[str, str, str]] = {
    "no_source": ('"folder"', '"ftp"', "no source of kind 'ftp'; there are folder, rest"),
    "no_reader": ('"csv"', '"dbf"', "no reader of kind 'dbf'"),
    "no_key": ('"csv"', '"csv"\nsheet = "1"', r"\[reader\]: sheet: unknown key"),
    "no_code": (
        '{ column = "ct" }',
        '{ column = "ct", codes = { "1" = "VT.99" } }',
        r"VT\.99 is not in the catalogue",
    ),
    "no_table": (
        '{ column = "ct" }',
        '{ column = "ct", codes = "x.csv" }',
        r"code table x\.csv cannot be read",
    ),
    "no_package": (
        '{ column = "ct" }',
        '{ column = "ct", codes = "../../x.csv" }',
        "is outside the package",
    ),
    "no_module": (
        "[source]",
        'prepare = "hub_provinces.no_module.fixes:fix"\n[source]',
        "fixes:fix: No module named",
    ),
    "no_function": (
        "[source]",
        'prepare = "hub_provinces.no_function:fix"\n[source]',
        "no_function:fix: module",
    ),
}


def second(root: Path, text: str) -> None:
    """A second provision beside ``telecom``."""
    [inside] = (root / "hub_provinces").iterdir()
    (inside / "zweite.toml").write_text(text, encoding="utf-8")


def telecom(root: Path) -> Path:
    [inside] = (root / "hub_provinces").iterdir()
    return inside / "telecom.toml"


@pytest.fixture(scope="module")
def report(long_night: Nights) -> NightReport:
    """One night of all these packages and a good one."""
    for name, (files, _) in {**PACKAGES, **DECLARATIONS}.items():
        long_night.package(name, files)
    for name, (code, _) in PREPARES.items():
        long_night.prepare(name, FIXES + code + "\n")
    for name, (old, new, _) in {**CHANGED, **MADE}.items():
        path = telecom(long_night.package(name))
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    for name, file in MOVED.items():
        path = telecom(long_night.package(name))
        path.rename(path.parent / file)
    telecom(long_night.package("utf_16")).write_bytes('dataflow = "Viễn"'.encode("utf-16"))

    root = long_night.prepare("dies_once", FIXES + "os._exit(9)\n")
    lines = telecom(root).read_text(encoding="utf-8").splitlines()
    second(root, "\n".join(line for line in lines if not line.startswith("prepare")))
    root = long_night.package("has_no_hook_twice", {INIT: '"""Nothing."""'})
    second(root, telecom(root).read_text(encoding="utf-8"))
    for name in ("dies_once", "has_no_hook_twice"):
        long_night.serve(name=name, provision="zweite")

    long_night.package("twin", folder="one")
    long_night.package("twin", folder="two")
    long_night.package("speaks_for_others")
    unit = long_night.units["speaks_for_others"]
    rows = f"{unit},2026-M10,VT.03,5\nvn-nghe-an,2026-M10,VT.03,6\n{unit},2026-M10,KX.90,7\n"
    long_night.serve(f"dv,ky,ct,gt\n{rows}", "speaks_for_others")
    return long_night.night(seconds=300)


@pytest.fixture(scope="module")
def reports(report: NightReport) -> dict[str, GatherReport]:
    return {f"{each.province}/{each.provision}": each for each in report.gathers}


def test_the_good_province_is_fine_in_that_night(
    reports: dict[str, GatherReport], report: NightReport
) -> None:
    good = reports["quang_tri/telecom"]
    assert (good.outcome, good.error, good.counts["admitted"]) == ("done", None, 7)
    [release] = report.releases
    assert (release.state, release.reporters["QUANG_TRI.SKHCN"]) == ("frozen", "late")


WORDS = {name: words for kind in (PACKAGES, PREPARES) for name, (_, words) in kind.items()}
WORDS |= {name: words for name, (_, _, words) in MADE.items()}


@pytest.mark.parametrize("name", WORDS)
def test_a_bad_package_fails_its_own_run_with_its_reason(
    reports: dict[str, GatherReport], name: str
) -> None:
    report = reports[f"{name}/telecom"]
    assert report.outcome == "failed"
    assert re.search(WORDS[name], str(report.error)), report.error
    assert not report.retryable
    assert report.revisions == {}


BROKEN = {name: words for name, (_, words) in DECLARATIONS.items()}
BROKEN |= {name: words for name, (_, _, words) in CHANGED.items()}
BROKEN |= {name: re.escape(file.removesuffix(".toml")) for name, file in MOVED.items()}
BROKEN |= {"utf_16": r"telecom\.toml"}


@pytest.mark.parametrize("name", BROKEN)
def test_a_declaration_that_is_wrong_is_named_and_its_province_stays_missing(
    report: NightReport, name: str
) -> None:
    assert re.search(BROKEN[name], report.broken.get(name, "")), report.broken
    assert "mật khẩu" not in report.broken[name]
    assert name not in {each.province for each in report.gathers}
    assert report.releases[0].reporters[f"{name.upper()}.SKHCN"] == "missing"


def test_two_packages_of_one_name_are_told(
    report: NightReport, reports: dict[str, GatherReport]
) -> None:
    assert [each for each in report.broken.values() if "/one/" in each and "/two/" in each], (
        report.broken
    )
    assert reports["twin/telecom"].outcome == "done"


def test_a_child_that_failed_is_replaced_for_the_next_provision(
    reports: dict[str, GatherReport],
) -> None:
    assert "exit code 9" in str(reports["dies_once/telecom"].error)
    assert (reports["dies_once/zweite"].outcome, reports["dies_once/zweite"].error) == (
        "done",
        None,
    )


def test_every_provision_of_a_package_fails_for_the_same_reason(
    reports: dict[str, GatherReport],
) -> None:
    for provision in ("telecom", "zweite"):
        assert "has no hook hub_province" in str(reports[f"has_no_hook_twice/{provision}"].error)


def test_what_was_landed_before_a_child_died_is_kept_for_the_eye(
    report: NightReport, long_night: Nights
) -> None:
    zone = LandingZone(long_night.home / "landing")
    [gather] = zone.landings("prepare_dies", "telecom")
    landing = zone.landing("prepare_dies", "telecom", gather)
    assert not landing.complete
    assert "exit code 9" in str(landing.why)
    assert [part.name for part in landing.parts] == ["a.csv"]
    assert open_part(zone.parts("prepare_dies", "telecom"), landing.parts[0]).content.startswith(
        b"dv,ky,ct,gt"
    )
    assert not any((long_night.home / "scratch").iterdir())


def test_a_province_whose_rows_are_anothers_is_held_with_a_quarantine(
    reports: dict[str, GatherReport], long_night: Nights
) -> None:
    report = reports["speaks_for_others/telecom"]
    assert (report.outcome, report.counts["admitted"], report.counts["quarantined"]) == (
        "held",
        1,
        2,
    )
    with long_night.hub() as hub:
        [submission] = hub.store.submissions(province="speaks_for_others")
        assert submission.blocked == ["V015", "V016"]
        assert submission.held
        left = quarantined(hub.zone.root / submission.path)
        assert sorted((row["code"], row["field"], row["text"], row["row"]) for row in left) == [
            ("V015", "indicator", "KX.90", 2),
            ("V015", "org_unit", "vn-nghe-an", 1),
        ]
        hub.store.accept(submission.id, "đã hỏi", submission.admitted_at)
        [current] = [
            s
            for s in hub.store.currents("TELECOM", "S", ["2026-M10"])
            if s.province == "speaks_for_others"
        ]
        assert current.rows == 1  # accepting never admits what left


# Finding packages


PYPROJECTS = {
    "no toml": "[project",
    "no entry point": '[project]\nname = "x"\n',
    "two entry points": '[project.entry-points.lienthong]\na = "hub_provinces.a"\nb = "hub_provinces.b"\n',
    "no table": "project = 5\n",
    "a list": "[[project]]\n",
    "entry points that are a text": '[project]\nentry-points = "x"\n',
    "an entry point that is a number": "[project.entry-points.lienthong]\np = 5\n",
    "an entry point that is a path": '[project.entry-points.lienthong]\np = "../p"\n',
    "another group": '[project.entry-points.lien-thong]\np = "hub_provinces.p"\n',
}


@pytest.mark.parametrize("what", PYPROJECTS)
def test_a_folder_that_is_no_package_is_named_and_passed_over(tmp_path: Path, what: str) -> None:
    (tmp_path / "thu_muc").mkdir()
    (tmp_path / "thu_muc" / "pyproject.toml").write_text(PYPROJECTS[what], encoding="utf-8")
    found, broken = plugins.find([tmp_path])
    assert "p" not in found
    assert set(broken) & {"thu_muc", "p"}
    assert all(broken.values())


def test_a_package_without_its_province_toml_is_named(tmp_path: Path) -> None:
    text = '[project.entry-points.lienthong]\np = "hub_provinces.p"\n'
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "pyproject.toml").write_text(text, encoding="utf-8")
    found, broken = plugins.find([tmp_path])
    assert "p" not in found
    assert "province.toml is missing" in broken["p"]


def test_a_folder_of_packages_that_is_not_there_is_the_operators(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="chua-co"):
        plugins.find([tmp_path / "chua-co"])


def test_an_installed_package_whose_files_are_gone_is_named_and_passed_over(tmp_path: Path) -> None:
    info = tmp_path / "gone-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gone\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lienthong]\ngone = hub_provinces.gone\n")
    code = "from hub_core.packages import load; print(load.find([])[1])"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "gone" in done.stdout


# The trusted packages


def test_a_trusted_package_that_is_not_installed_is_the_operators() -> None:
    with pytest.raises(ConfigurationError, match="names nobody, which is not installed"):
        plugins.ConnectorRegistry(["nobody"])


def test_the_built_in_connectors_come_through_the_same_hook() -> None:
    from hub_core.contracts import Reader, Sink, Source, Writer

    loaded = plugins.ConnectorRegistry(["connectors"])
    for role, kind in (
        (Source, "rest"),
        (Source, "folder"),
        (Reader, "csv"),
        (Reader, "json"),
        (Writer, "xlsx"),
    ):
        with pytest.raises(ConfigurationError, match="x: unknown key"):
            loaded.make(role, {"kind": kind, "x": 1}, "here")
    with pytest.raises(
        ConfigurationError, match="here: no sink of kind 'carrier pigeon'; there are rest"
    ):
        loaded.make(Sink, {"kind": "carrier pigeon"}, "here")
    with pytest.raises(ConfigurationError, match="no source of kind None"):
        loaded.make(Source, {}, "here")


def test_only_the_hub_knows_where_packages_are_and_imports_none_of_them(nights: Nights) -> None:
    """Provinces are loaded in children only (design section 6)."""
    nights.package("p", {INIT: "raise SystemError('loaded in the hub')"})
    with nights.hub() as hub:
        assert "p" in hub.provinces
    assert not [name for name in sys.modules if name.startswith("hub_provinces.p")]
