"""Bad packages in one night with a good one, in real child processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hub_core import plugins
from hub_core.errors import ConfigurationError
from hub_core.landing import quarantined
from hub_core.pipeline.take_over import GatherReport

if TYPE_CHECKING:
    from tests.hub_core.conftest import Nights

INIT = "hub_provinces/NAME/__init__.py"
FIXES = "import os, sys, signal, polars as pl\ndef fix(frame):\n    "

# What a package's own files may do wrong, and the words in which its run must fail
PACKAGES: dict[str, tuple[dict[str, str], str]] = {
    "raises_at_import": ({INIT: "raise ValueError('đang sửa')"}, "would not load: ValueError: đang sửa"),
    "imports_what_is_not_there": ({INIT: "import khong_co"}, "would not load: ModuleNotFoundError.*khong_co"),
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
    "forgets_the_mark": ({INIT: "def hub_province():\n    return 1\n"}, "hub_province must give one Province, gave"),
    "gives_a_text": (
        {INIT: "from hub_core import hookimpl\n@hookimpl\ndef hub_province():\n    return 'nghe_an'\n"},
        "must give one Province, gave .*nghe_an",
    ),
    "takes_arguments": (
        {INIT: "from hub_core import hookimpl\n@hookimpl\ndef hub_province(frame):\n    return None\n"},
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
    "prepare_is_killed": ("os.kill(os.getpid(), signal.SIGSEGV)", "its process ended by signal SIGSEGV"),
    "prepare_complains_and_dies": (
        "sys.stderr.write('không mở được máy in\\n'); os._exit(1)",
        "exit code 1; its last words: không mở được máy in",
    ),
    "prepare_recurses": ("return fix(frame)", "RecursionError"),
    "prepare_closes_everything": ("os.closerange(3, 64); return frame", "its process ended|no answer|raised|Bad file"),
    "prepare_raises_what_it_made_itself": (
        "raise type('Odd', (BaseException,), {})('lạ')",
        "the province's code ended with Odd: lạ",
    ),
    "prepare_interrupts": ("raise KeyboardInterrupt", "its process ended|KeyboardInterrupt"),
}


@pytest.fixture(scope="module")
def reports(long_night: Nights) -> Iterator[dict[str, GatherReport]]:
    for name, (files, _) in PACKAGES.items():
        long_night.package(name, files)
    for name, (code, _) in PREPARES.items():
        long_night.prepare(name, FIXES + code + "\n")
    yield long_night.bad_and_good(seconds=30)


@pytest.mark.parametrize(("name", "words"), [(name, words) for name, (_, words) in {**PACKAGES, **PREPARES}.items()])
def test_a_bad_package_fails_its_own_run_with_its_reason(
    reports: dict[str, GatherReport], name: str, words: str
) -> None:
    import re

    told = reports[f"{name}/telecom"]
    assert told.outcome == "failed"
    assert told.error is not None
    assert re.search(words, told.error), told.error
    assert not told.retryable
    assert told.revisions == {}


def test_a_prepare_that_is_not_there_is_named(nights: Nights) -> None:
    nights.package("p", more='prepare = "hub_provinces.p.fixes:fix"')
    nights.package("q", {"hub_provinces/NAME/fixes.py": "x = 1"}, more='prepare = "hub_provinces.q.fixes:fix"')
    told = nights.bad_and_good()
    assert "prepare hub_provinces.p.fixes:fix: No module named" in str(told["p/telecom"].error)
    assert "prepare hub_provinces.q.fixes:fix: module" in str(told["q/telecom"].error)


def test_what_was_landed_before_a_child_died_is_kept_for_the_eye(nights: Nights) -> None:
    nights.prepare("dies", FIXES + "os._exit(9)\n")
    with nights.hub() as hub:
        pass
    nights.bad_and_good()
    [gather] = hub.zone.landings("dies", "telecom")
    landing = hub.zone.landing("dies", "telecom", gather)
    assert not landing.complete
    assert "exit code 9" in str(landing.why)
    assert [part.name for part in landing.parts] == ["a.csv"]
    assert not any((nights.home / "scratch").iterdir())


def test_a_child_that_failed_is_replaced_for_the_next_provision(nights: Nights) -> None:
    """A second provision of the same package is not made to suffer."""
    nights.prepare("two", FIXES + "os._exit(9)\n")
    provision = (nights.packages / "two/hub_provinces/two/telecom.toml").read_text(encoding="utf-8")
    plain = "\n".join(line for line in provision.splitlines() if not line.startswith("prepare"))
    (nights.packages / "two/hub_provinces/two/zweite.toml").write_text(plain, encoding="utf-8")
    nights.serve(name="two", provision="zweite")
    told = nights.bad_and_good()
    assert "exit code 9" in str(told["two/telecom"].error)
    assert (told["two/zweite"].outcome, told["two/zweite"].error) == ("done", None)


def test_every_provision_of_a_package_fails_for_the_same_reason(nights: Nights) -> None:
    root = nights.package("two", {INIT: '"""Nothing."""'})
    inside = root / "hub_provinces" / "two"
    (inside / "zweite.toml").write_text((inside / "telecom.toml").read_text(encoding="utf-8"), encoding="utf-8")
    nights.serve(name="two", provision="zweite")
    told = nights.bad_and_good()
    assert "has no hook hub_province" in str(told["two/telecom"].error)
    assert "has no hook hub_province" in str(told["two/zweite"].error)


# What its declaration may say wrong: found as files, before any child


TOMLS: dict[str, tuple[str, str, str]] = {
    "unknown_key": ("telecom.toml", 'dataflow = "TELECOM"\nschedule = "02:00"', r"telecom\.toml: .*schedule: unknown key"),
    "not_toml": ("telecom.toml", "dataflow = TELECOM", r"telecom\.toml"),
    "unknown_provider_key": ("province.toml", 'id = "unknown_provider_key"\nfax = "1"', r"province\.toml: .*fax: unknown key"),
    "no_dataflow": ("telecom.toml", 'provider = "X.Y"', r"telecom\.toml: dataflow"),
}


def test_a_declaration_that_is_wrong_is_named_with_file_and_key(nights: Nights) -> None:
    import re

    for name, (file, text, _) in TOMLS.items():
        nights.package(name, {f"hub_provinces/NAME/{file}": text})
    told = nights.night()
    assert [(each.province, each.outcome) for each in told.gathers] == [("quang_tri", "done")]
    assert set(told.broken) == set(TOMLS)
    for name, (_, _, words) in TOMLS.items():
        assert re.search(words, told.broken[name]), told.broken[name]
    for name in TOMLS:
        assert told.releases[0].reporters[f"{name.upper()}.SKHCN"] == "missing"


def test_a_provider_that_province_toml_does_not_know_is_named(nights: Nights) -> None:
    nights.package("p", {"hub_provinces/NAME/province.toml": 'id="p"\nname="p"\ncontact="x"\nproviders=[]\n'})
    assert "provider P.SKHCN does not stand in province.toml" in nights.night().broken["p"]


@pytest.mark.parametrize("file", ["telecom-monthly.toml", "Telecom.toml", "viễn thông.toml", "1.toml"])
def test_a_provision_whose_name_is_no_word_is_named_and_the_night_goes_on(nights: Nights, file: str) -> None:
    root = nights.package("p")
    inside = root / "hub_provinces" / "p"
    (inside / "telecom.toml").rename(inside / file)
    told = nights.night()
    assert [each.outcome for each in told.gathers if each.province == "quang_tri"] == ["done"]
    assert file.removesuffix(".toml") in told.broken.get("p", "") + str([each.error for each in told.gathers])


def test_a_declaration_that_is_not_utf_8_is_named(nights: Nights) -> None:
    root = nights.package("p")
    (root / "hub_provinces" / "p" / "telecom.toml").write_bytes('dataflow = "Viễn"'.encode("utf-16"))
    assert "telecom.toml" in nights.night().broken["p"]


def test_a_secret_in_the_open_is_refused(nights: Nights) -> None:
    root = nights.package("p")
    path = root / "hub_provinces" / "p" / "telecom.toml"
    told = path.read_text(encoding="utf-8").replace('path = "/nowhere"', 'path = "/nowhere"\ntoken = "mật khẩu"')
    path.write_text(told, encoding="utf-8")
    broken = nights.night().broken["p"]
    assert "token holds a secret in the open" in broken
    assert "mật khẩu" not in broken


def test_a_dataflow_that_is_not_in_the_catalogue_is_named(nights: Nights) -> None:
    root = nights.package("p")
    path = root / "hub_provinces" / "p" / "telecom.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("TELECOM", "POST"), encoding="utf-8")
    assert "dataflow POST is not in the catalogue" in nights.night().broken["p"]


def test_an_unknown_source_reader_or_key_of_one_is_named(nights: Nights) -> None:
    changes = {
        "no_source": ('kind = "folder"', 'kind = "ftp"', "no source of kind 'ftp'; there are folder, rest"),
        "no_reader": ('kind = "csv"', 'kind = "dbf"', "no reader of kind 'dbf'"),
        "no_key": ('kind = "csv"', 'kind = "csv"\nsheet = "1"', r"[reader]: sheet: unknown key"),
        "no_code": ('{ column = "ct" }', '{ column = "ct", codes = { "1" = "VT.99" } }', "VT.99 is not in the catalogue"),
        "no_table": ('{ column = "ct" }', '{ column = "ct", codes = "x.csv" }', "code table x.csv cannot be read"),
        "no_package": ('{ column = "ct" }', '{ column = "ct", codes = "../../x.csv" }', "is outside the package"),
    }
    for name, (old, new, _) in changes.items():
        path = nights.package(name) / "hub_provinces" / name / "telecom.toml"
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    told = nights.bad_and_good()
    for name, (_, _, words) in changes.items():
        assert words in str(told[f"{name}/telecom"].error)


# Who is whom


def test_a_province_whose_rows_are_anothers_is_held_with_a_quarantine(nights: Nights) -> None:
    nights.package("p")
    unit = nights.units["p"]
    rows = f"dv,ky,ct,gt\n{unit},2026-M10,VT.03,5\nvn-nghe-an,2026-M10,VT.03,6\n{unit},2026-M10,KX.90,7\n"
    nights.serve(rows, "p")
    told = nights.bad_and_good()["p/telecom"]
    assert (told.outcome, told.counts["admitted"], told.counts["quarantined"]) == ("held", 1, 2)
    with nights.hub() as hub:
        [submission] = hub.store.submissions(province="p")
        assert submission.blocked == ["V015", "V016"]
        assert submission.held
        left = quarantined(hub.zone.root / submission.path)
        assert sorted((row["code"], row["field"], row["text"], row["row"]) for row in left) == [
            ("V015", "indicator", "KX.90", 2),
            ("V015", "org_unit", "vn-nghe-an", 1),
        ]
        hub.store.accept(submission.id, "đã hỏi", submission.admitted_at)
        [current] = hub.store.currents("TELECOM", "S", ["2026-M10"])[:1]
        assert current.rows == 1


def test_an_entry_point_that_names_another_province_is_told(nights: Nights) -> None:
    """Else the package is never asked, and nothing in the night says why."""
    told = 'id = "quang_tri"\nname = "x"\ncontact = "x"\n[[providers]]\nid = "QUANG_TRI.SKHCN"\nname = "x"\n'
    root = nights.package("p", {"hub_provinces/NAME/province.toml": told})
    provision = root / "hub_provinces" / "p" / "telecom.toml"
    provision.write_text(provision.read_text(encoding="utf-8").replace("P.SKHCN", "QUANG_TRI.SKHCN"), encoding="utf-8")
    report = nights.night()
    assert [each.province for each in report.gathers if each.outcome == "done"] == ["quang_tri"]
    reasons = [str(each.error) for each in report.gathers if each.province == "p"]
    assert "quang_tri" in " ".join([*reasons, report.broken.get("p", "")])


def test_a_folders_entry_point_must_be_its_own_module(nights: Nights) -> None:
    pyproject = '[project]\nname = "x"\n[project.entry-points.lienthong]\np = "hub_provinces.q"\n'
    nights.package("p", {"pyproject.toml": pyproject})
    assert "p = 'hub_provinces.q' is not hub_provinces.p" in nights.night().broken["p"]


def test_two_packages_of_one_name_are_told(nights: Nights) -> None:
    nights.package("p", folder="one")
    nights.package("p", folder="two")
    broken = nights.night().broken
    assert any("one" in each and "two" in each for each in broken.values()), broken


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
    code = "from hub_core import plugins; print(plugins.find([])[1])"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "gone" in done.stdout


# The trusted packages


def test_a_trusted_package_that_is_not_installed_is_the_operators() -> None:
    with pytest.raises(ConfigurationError, match="names nobody, which is not installed"):
        plugins.Loaded(["nobody"])


def test_the_built_in_connectors_come_through_the_same_hook() -> None:
    from hub_core.contracts import Reader, Sink, Source, Writer

    loaded = plugins.Loaded(["connectors"])
    for role, kind in ((Source, "rest"), (Source, "folder"), (Reader, "csv"), (Reader, "json"), (Writer, "xlsx")):
        with pytest.raises(ConfigurationError, match="x: unknown key"):
            loaded.make(role, {"kind": kind, "x": 1}, "here")
    with pytest.raises(ConfigurationError, match="here: no sink of kind 'carrier pigeon'; there are rest"):
        loaded.make(Sink, {"kind": "carrier pigeon"}, "here")
    with pytest.raises(ConfigurationError, match="no source of kind None"):
        loaded.make(Source, {}, "here")


def test_only_the_hub_knows_where_packages_are_and_imports_none_of_them(nights: Nights) -> None:
    """Provinces are loaded in children only (design section 6)."""
    nights.package("p", {INIT: "raise SystemError('loaded in the hub')"})
    with nights.hub() as hub:
        assert "p" in hub.provinces
    assert not [name for name in sys.modules if name.startswith("hub_provinces.p")]
