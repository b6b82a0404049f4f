"""Forms: the hub makes one, a clerk fills it in LibreOffice, and the hub takes it as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import pytest

from connectors.readers.form import FormReader
from hub_core.contracts import PayloadPart

if TYPE_CHECKING:
    from tests.journeys.world import World

NIGHT = "2026-11-06T02:00"
FILTERS = {".xlsx": "Calc MS Excel 2007 XML", ".ods": "calc8", ".xls": "MS Excel 97"}
LIBRARY = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE library:library PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "library.dtd">
<library:library xmlns:library="http://openoffice.org/2000/library" library:name="Standard" library:readonly="false"
 library:passwordprotected="false"><library:element library:name="Clerk"/></library:library>"""
MODULE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE script:module PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "module.dtd">
<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Clerk" script:language="StarBasic">{}
</script:module>"""
PACKAGE = {
    "pyproject.toml": """
[project]
name = "lienthong-ha-tinh"
version = "1.0.0.dev0"
dependencies = ["lienthong>=1.0.dev0,<2"]

[project.entry-points.lienthong]
ha_tinh = "hub_provinces.ha_tinh"
""",
    "hub_provinces/ha_tinh/__init__.py": '''
"""Hà Tĩnh: Department of Science and Technology."""

from hub_core import Province, hookimpl


@hookimpl
def hub_province() -> Province:
    """Who they are and what they report stands in the TOML beside this file."""
    return Province.from_package(__name__)
''',
    "hub_provinces/ha_tinh/province.toml": """
id      = "ha_tinh"
name    = "Hà Tĩnh"
contact = { name = "bài kiểm thử", email = "thu@example.org", telephone = "024 0000 0000" }

[[providers]]
id   = "HA_TINH.SKHCN"
name = "Sở Khoa học và Công nghệ Hà Tĩnh"
""",
    "hub_provinces/ha_tinh/telecom.toml": """
dataflow = "TELECOM"
provider = "HA_TINH.SKHCN"

[source]
kind    = "folder"
path    = "PATH"
pattern = "*{period}*.xlsx"

[reader]
kind = "form"
""",
}


def text(words: str) -> str:
    """A text as Basic writes it."""
    return '"' + words.replace('"', '""') + '"'


def typed(**cells: float | str) -> list[str]:
    """What a clerk types into cells."""
    return [
        f"sheet.getCellRangeByName({text(place)})."
        + (f"String = {text(v)}" if isinstance(v, str) else f"Value = {v!r}")
        for place, v in cells.items()
    ]


@dataclass
class Clerk:
    """LibreOffice without a screen, and a profile of its own."""

    profile: Path

    def __post_init__(self) -> None:
        self._start("--terminate_after_init")
        (self._library / "script.xlb").write_text(LIBRARY, encoding="utf-8")

    @property
    def _library(self) -> Path:
        return self.profile / "user" / "basic" / "Standard"

    def _start(self, *words: str) -> None:
        profile = f"-env:UserInstallation={self.profile.as_uri()}"
        subprocess.run(
            ["soffice", profile, "--headless", "--norestore", *words],
            capture_output=True,
            timeout=180,
            check=True,
        )

    def saves(self, form: Path, steps: list[str], *targets: Path) -> None:
        """Open a form, do what the steps say, save it under other names.

        The kinds of file are those of the names.
        """
        script = [
            "Sub Fill",
            "Dim how(0) As New com.sun.star.beans.PropertyValue",
            'how(0).Name = "Hidden" : how(0).Value = True',
            f'book = StarDesktop.loadComponentFromURL({text(form.as_uri())}, "_blank", 0, how())',
            f"sheet = book.Sheets.getByName({text('Biểu')})",
            *steps,
            'how(0).Name = "FilterName"',
        ]
        for target in targets:
            script += [f"how(0).Value = {text(FILTERS[target.suffix])}"]
            script += [f"book.storeAsURL({text(target.as_uri())}, how())"]
        script += ["book.close(True)", "End Sub"]
        (self._library / "Clerk.xba").write_text(
            MODULE.format(escape("\n".join(script))), encoding="utf-8"
        )
        self._start("macro:///Standard.Clerk.Fill")
        missing = [target.name for target in targets if not target.exists()]
        assert not missing, f"LibreOffice did not save {missing}"


@pytest.fixture(scope="module")
def clerk(tmp_path_factory: pytest.TempPathFactory) -> Clerk:
    if shutil.which("soffice") is None and os.environ.get("CI") != "true":
        pytest.skip(
            "soffice is not there: these tests fill the form in LibreOffice (libreoffice-calc-nogui)"
        )
    return Clerk(tmp_path_factory.mktemp("office"))


@pytest.fixture
def letters(world: World) -> Path:
    """The folder that Hà Tĩnh's forms come to.

    Its package is the province's own, without a mapping.
    """
    folder = world.home.parent / "ha_tinh"
    folder.mkdir()
    for name, content in PACKAGE.items():
        path = world.packages / "ha_tinh" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.lstrip().replace("PATH", str(folder)), encoding="utf-8")
    return folder


def made(world: World, *words: str) -> Path:
    """The form that the hub makes."""
    answer = world.json_of(
        "template", "TELECOM", "--provision", "ha_tinh/telecom", "--now", NIGHT, *words
    )
    return Path(answer["file"])


@pytest.mark.slow
def test_a_form_goes_out_and_comes_back_as_figures(
    world: World, letters: Path, clerk: Clerk
) -> None:
    checked = world.json_of("check", "--now", NIGHT)
    assert [p for p in checked["problems"] if p["severity"] == "error"] == []
    form = made(world, "--out", str(world.home.parent))
    assert form.name == "TELECOM-2026-M10-ha_tinh-telecom.xlsx"
    # VT.01 VT.03 VT.04 VT.05 VT.06 VT.07 ... of a month, from row 8
    steps = typed(
        G8=1234.5,
        G9=1402.118,
        F9="nghìn thuê bao",
        G11="1.101.000",
        H11="Sơ bộ",
        I11="số sơ bộ",
        G13=301250.0,
        H15="Thiếu",
    )
    clerk.saves(form, steps, letters / "bao-cao-2026-M10.xlsx")

    night = world.night(NIGHT, "--province", "ha_tinh")
    counts = world.gathers(night)["ha_tinh/telecom"]["counts"]
    assert (counts["new"], counts["quarantined"]) == (5, 0)
    shown = world.json_of("release", "show", "TELECOM/2026-M10")["figures"]
    [missing] = [f for f in shown if (f["indicator"], f["org_unit"]) == ("VT.09", "vn-ha-tinh")]
    assert (missing["value"], missing["status"]) == ("", "M")
    figures = world.figures("TELECOM/2026-M10")
    assert figures["VT.01", "vn-ha-tinh"] == "1234.5"
    assert figures["VT.03", "vn-ha-tinh"] == "1402118"
    assert figures["VT.05", "vn-ha-tinh"] == "1101000"
    assert figures["VT.07", "vn-ha-tinh"] == "301250"
    cell = world.trace("TELECOM/2026-M10", "VT.05", "vn-ha-tinh")["cell"]
    assert (cell["locator"], cell["text"]) == ("Biểu!G11", "1.101.000")
    cell = world.trace("TELECOM/2026-M10", "VT.03", "vn-ha-tinh")["cell"]
    assert (cell["locator"], cell["text"]) == ("Biểu!G9", "1402.118")


@pytest.mark.slow
def test_the_nil_box_is_a_nil_return(world: World, letters: Path, clerk: Clerk) -> None:
    clerk.saves(
        made(world, "--out", str(letters.parent)), typed(G5="x"), letters / "khong-2026-M10.xlsx"
    )
    night = world.night(NIGHT, "--province", "ha_tinh")
    assert world.gathers(night)["ha_tinh/telecom"]["counts"]["new"] == 0
    owed = world.json_of(
        "obligation", "list", "--dataflow", "TELECOM", "--period", "2026-M10", "--now", NIGHT
    )
    assert [each["state"] for each in owed if each["provider"] == "HA_TINH.SKHCN"] == ["nil"]


@pytest.mark.slow
def test_a_changed_code_is_a_finding_and_the_rest_is_taken(
    world: World, letters: Path, clerk: Clerk
) -> None:
    figures = {f"G{row}": float(row) for row in (8, 9, 10, 13, 15)}
    clerk.saves(
        made(world, "--out", str(letters.parent)),
        typed(B9="VT.04", **figures),
        letters / "sua-2026-M10.xlsx",
    )
    night = world.night(NIGHT, "--province", "ha_tinh")
    counts = world.gathers(night)["ha_tinh/telecom"]["counts"]
    assert counts["quarantined"] == 1
    [row] = [
        row
        for row in world.json_of("finding", "quarantine", "--province", "ha_tinh")
        if row["code"] == "V019"
    ]
    assert row["locator"] == "Biểu!G9"
    assert (
        "B9: biểu mẫu ghi VT.03, ô ghi VT.04 / the form has VT.03, the cell VT.04" in row.values()
    )


@pytest.mark.slow
def test_all_that_libreoffice_saves_reads_alike(
    world: World, letters: Path, clerk: Clerk, tmp_path: Path
) -> None:
    form = made(world, "--period", "2026-Q3", "--out", str(tmp_path / "bieu.xlsx"))
    assert form == tmp_path / "bieu.xlsx"
    targets = [tmp_path / f"form{suffix}" for suffix in FILTERS]
    clerk.saves(form, typed(G8=0.1, G9="12,5", H9="Ước tính", G20=-3.0), *targets)
    reader, frames = FormReader(FormReader.Settings()), []
    for path in targets:
        part = PayloadPart(path.read_bytes(), "", str(path), path.name)
        frames += list(reader.read(part))
        assert reader.locate(part, 7, "G") == ("Biểu!G8", "0.1")
    assert frames[0]["value#number"].drop_nulls().to_list() == ["0.1", "-3"]
    assert frames[0]["#refused"].null_count() == frames[0].height == 21
    assert all(frame.equals(frames[0]) for frame in frames)


def test_rows_that_libreoffice_inserts_refuse_the_lines_below(
    world: World, letters: Path, clerk: Clerk, tmp_path: Path
) -> None:
    steps = ['sheet.unprotect("")', "sheet.Rows.insertByIndex(9, 1)", *typed(G8=1.0, G11=3.0)]
    saved = tmp_path / "moved.xlsx"
    clerk.saves(made(world, "--out", str(tmp_path)), steps, saved)
    [frame] = FormReader(FormReader.Settings()).read(
        PayloadPart(saved.read_bytes(), "", str(saved), saved.name)
    )
    assert frame.filter(frame["#refused"].is_null())["row"].to_list() == [7, 8]


# The command


def test_a_form_is_made_for_the_last_ended_period(world: World, letters: Path) -> None:
    answer = world.json_of(
        "template",
        "TELECOM",
        "--provision",
        "quang_tri/telecom",
        "--out",
        str(letters),
        "--now",
        NIGHT,
    )
    assert (answer["period"], answer["due"], answer["lines"]) == ("2026-M10", "2026-11-05", 11)
    assert Path(answer["file"]).read_bytes()[:2] == b"PK"
    done = world.run(
        "template",
        "TELECOM",
        "--provision",
        "quang_tri/telecom",
        "--out",
        str(letters),
        "--now",
        NIGHT,
    )
    assert done.returncode == 0
    assert "11 lines for Sở Khoa học và Công nghệ Quảng Trị, due 2026-11-05" in " ".join(
        done.stdout.split()
    )


def test_a_country_asks_for_each_of_its_provinces_and_the_whole(
    world: World, letters: Path
) -> None:
    words = ("DENOMINATORS", "--provision", "tong_cuc_thong_ke/population", "--out", str(letters))
    form = world.json_of("template", *words, "--period", "2024")
    assert form["lines"] % 64 == 0  # 63 provinces and Việt Nam
    part = PayloadPart(Path(form["file"]).read_bytes(), "", "", "form.xlsx")
    [frame] = FormReader(FormReader.Settings()).read(part)
    assert frame["org_unit"].head(2).to_list() == ["vn", "vn-ha-noi-2008"]
    assert frame["org_unit"].n_unique() == 64


def test_units_of_one_name_are_told_apart(world: World, letters: Path) -> None:
    import openpyxl

    words = (
        "TELECOM",
        "--provision",
        "quang_tri/telecom",
        "--out",
        str(letters),
        "--period",
        "2025",
    )
    sheet = openpyxl.load_workbook(world.json_of("template", *words)["file"])["Biểu"]
    assert {
        (row[3], row[4]) for row in sheet.iter_rows(min_row=8, max_row=20, values_only=True)
    } == {
        ("vn-quang-tri", "Quảng Trị (đến 30/06/2025)"),
        ("vn-quang-tri-2025", "Quảng Trị (từ 01/07/2025)"),
    }


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (
            ["TELECOM", "--provision", "quang_tri/nothing"],
            1,
            "no provision quang_tri/nothing reports TELECOM; there are",
        ),
        (
            ["TELECOM", "--provision", "nowhere"],
            1,
            "no provision nowhere reports TELECOM; there are",
        ),
        (["DENOMINATORS", "--provision", "quang_tri/telecom"], 1, "there are tong_cuc_thong_ke/"),
        (["POSTAL", "--provision", "quang_tri/telecom"], 2, "no dataflow POSTAL; there are"),
        (
            ["TELECOM", "--provision", "quang_tri/telecom", "--period", "2026-S1"],
            1,
            "by M, Q, A, and 2026-S1 is none",
        ),
        (["TELECOM", "--provision", "quang_tri/telecom", "--period", "2026-M1"], 2, "not a period"),
    ],
)
def test_what_cannot_be_asked_for_is_said(
    world: World, words: list[str], code: int, says: str
) -> None:
    done = world.run("template", *words, "--now", NIGHT)
    assert done.returncode == code
    assert says in " ".join(done.stderr.replace("│", " ").split())
