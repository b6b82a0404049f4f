"""The worked example of docs/formats.md: recomputed by the page's own program, and read by the hub."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hub_core import structures
from hub_core.landing.layout import OBSERVATIONS, QUARANTINE, read_manifest
from hub_core.landing.parts import check_part, open_part
from hub_core.landing.zone import LandingZone
from hub_core.model.exchange import Manifest, Receipt, ReleaseManifest
from hub_core.model.observation import QUARANTINE as QUARANTINE_SCHEMA
from hub_core.model.observation import (
    content_digest,
    of_format_1,
    quarantine_digest,
    scan_figures,
)
from hub_core.stages.freeze import delivery_id
from hub_core.testing.received import check_release
from hub_core.upkeep.backup import About
from tests.formats.make_example import EXAMPLE, NIGHT, collect, hub, main

PAGE = EXAMPLE.parent.parent / "formats.md"
GATHER = "20250101-00000001"
SUBMISSION = f"landing/hue/telecom/submissions/S.2026-M10/{GATHER}-0"
RELEASE = "releases/TELECOM-2026-M10-v1"
RECORDED = {
    "part": "dad490c87d9fe941a77aa39f9b9b4fe12721938e5fd9585a2dded37540a61b34",
    "observations.parquet": "bf8bed8e1cdb0bbb24ecff115974606a459586aab1167b5a2866d951a714ac76",
    "quarantine.parquet": "89f609c475321ef72c4a80fb803389e305b2a4d3b571224f6c3dd7658388612c",
    "content": "253a07eab32e202c9c2ac745129a381bd63f07c3ae99eb45f7511a36c5d2e9e3",
    "quarantine": "bef545da66a8e57a7753805444559b07ebf371b9f173b6daa6fb1d3a2c39ffdb",
    "figures": "c5bdf13475459087b3dbe1b7082838d9055860e37f1cee70024e41e7ef65b52c",
    "manifest": "733c0393e8ede911c458c0d25dad256a657c0c05ccf9fe03f5b63eae1de21ce9",
    "manifest sent": "733c0393e8ede911c458c0d25dad256a657c0c05ccf9fe03f5b63eae1de21ce9",
    "catalogue": "3fd02d5e45aa1526c1eda06f391d513e379397dcb23b8b3b60ff8a7b373a6844",
    "delivery": "c5709b86c92a734586972b8994611941a6fdbad996d76aae86fb3637dfebae87",
}
ALONE = """
import sys

class Alone:
    def find_spec(self, name, path=None, target=None):
        first = name.partition(".")[0]
        if first not in {"pyarrow", "zstandard", *sys.stdlib_module_names}:
            raise ModuleNotFoundError(f"no {name} here", name=name)

sys.meta_path.insert(0, Alone())
"""


def block(mark: str) -> str:
    """The fenced block of the page under a mark."""
    [text] = re.findall(
        rf"<!-- {mark} -->\n```\w+\n(.*?)^```$",
        PAGE.read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    return str(text)


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    """The page's program, run in a folder where Python finds no library but pyarrow and zstandard."""
    return subprocess.run(
        [sys.executable, "-I", "-X", "utf8", "-c", f"{ALONE}\n{block('program')}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def told(path: str, folder: Path = EXAMPLE) -> Any:
    return json.loads((folder / path).read_bytes())


# By a stranger's program


def test_the_program_of_the_page_imports_nothing_of_ours() -> None:
    names = set()
    for node in ast.walk(ast.parse(block("program"))):
        if isinstance(node, ast.Import):
            names |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
    assert names == {"decimal", "hashlib", "json", "pathlib", "pyarrow", "zstandard"}
    for name in ("hub_core", "polars", "pydantic"):
        done = subprocess.run(
            [sys.executable, "-I", "-c", f"{ALONE}\nimport {name}"],
            capture_output=True,
            check=False,
        )
        assert b"ModuleNotFoundError" in done.stderr


def test_the_program_of_the_page_finds_every_digest() -> None:
    done = checked(EXAMPLE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == block("prints")
    lines = [line.rpartition(" ") for line in done.stdout.splitlines() if line[0] != " "]
    assert {name: digest for name, _, digest in lines} == RECORDED


def test_what_the_page_shows_is_what_the_manifests_say() -> None:
    manifest, release = told(f"{SUBMISSION}/manifest.json"), told(f"{RELEASE}/manifest.json")
    assert {
        "part": manifest["parts"][0]["digest"],
        **manifest["files"],
        "content": manifest["digests"]["content"],
        "quarantine": manifest["digests"]["quarantine"],
        "figures": release["figures_digest"],
        "manifest": told(f"{RELEASE}/document.json")["manifest_digest"],
        "catalogue": manifest["digests"]["catalogue"],
    } == {name: RECORDED[name] for name in RECORDED if name not in ("manifest sent", "delivery")}


@pytest.mark.parametrize(
    ("file", "old", "new", "name"),
    [
        (f"{SUBMISSION}/manifest.json", '"nil": false', '"nil": true', "content"),
        (f"{RELEASE}/figures.json", "1200500.000000", "1200501.000000", "figures"),
        (f"{RELEASE}/figures.json", '"status": "A"', '"status": "P"', "figures"),
        (f"{RELEASE}/manifest.json", '"version":1', '"version":2', "manifest"),
        (f"{RELEASE}/document.json", '"reason":"initial"', '"reason":"late"', "manifest sent"),
        (f"catalogues/{RECORDED['catalogue']}.json", "VT.05,VT.03", "VT.03,VT.05", "catalogue"),
    ],
)
def test_the_program_of_the_page_finds_what_was_changed(
    tmp_path: Path, file: str, old: str, new: str, name: str
) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "example")
    path = tmp_path / "example" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    done = checked(tmp_path / "example")
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith(f"AssertionError: {name}")


def test_the_program_of_the_page_reads_a_nil_return(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / "home")
    said = ["--provider", "HUE.SKHCN", "--by", "Nguyễn Văn A", "--why", "chưa phát sinh"]
    hub(tmp_path / "home", "obligation", "nil", "TELECOM", "2026-M11", *said, "--now", NIGHT)
    collect(tmp_path / "home", tmp_path / "made")
    done = checked(tmp_path / "made")
    assert done.returncode == 0, done.stderr
    nothing = hashlib.sha256(b"lienthong-content 1 nil=1\n").hexdigest()
    assert f"content {nothing}\n  b'lienthong-content 1 nil=1\\n'\n" in done.stdout
    assert f"quarantine {hashlib.sha256().hexdigest()}\n" in done.stdout
    assert f"content {RECORDED['content']}\n" in done.stdout


def test_the_backup_names_the_files_of_the_example() -> None:
    lines = (EXAMPLE / "backup" / "files.sha256").read_bytes()
    about = About.model_validate_json((EXAMPLE / "backup" / "set.json").read_bytes())
    assert hashlib.sha256(lines).hexdigest() == about.digests
    named = dict(reversed(line.split("  ")) for line in lines.decode().splitlines())
    assert len(named) == about.files
    mine = [name for name in named if name.startswith(("catalogues/", "landing/"))]
    assert {name: hashlib.sha256((EXAMPLE / name).read_bytes()).hexdigest() for name in mine} == {
        name: named[name] for name in mine
    }
    there = [path for top in ("catalogues", "landing") for path in (EXAMPLE / top).rglob("*.*")]
    assert {path.relative_to(EXAMPLE).as_posix() for path in there if path.is_file()} == set(mine)


# By the hub of today


def test_the_hub_still_opens_the_landing() -> None:
    zone = LandingZone(EXAMPLE / "landing")
    assert zone.landings("hue", "telecom") == [GATHER]
    landing = zone.landing("hue", "telecom", GATHER)
    [part] = landing.parts
    parts = zone.parts("hue", "telecom")
    check_part(parts / f"{part.digest}.zst", part)
    assert open_part(parts, part).digest == part.digest == RECORDED["part"]
    assert landing.complete


def test_the_hub_still_reads_the_submission() -> None:
    folder = EXAMPLE / SUBMISSION
    manifest = read_manifest(folder)
    assert of_format_1(pl.scan_parquet(folder / OBSERVATIONS).collect_schema())
    figures = scan_figures(folder / OBSERVATIONS).collect()
    quarantine = pl.read_parquet(folder / QUARANTINE)
    assert content_digest(figures) == manifest.digests.content == RECORDED["content"]
    assert quarantine.schema == QUARANTINE_SCHEMA
    assert quarantine_digest(quarantine) == manifest.digests.quarantine == RECORDED["quarantine"]
    assert (figures.height, manifest.rows, manifest.quarantined) == (5, 5, 2)


def test_the_hub_still_reads_the_release() -> None:
    document = (EXAMPLE / RELEASE / "document.json").read_bytes()
    body, release = check_release(document)  # holds both digests
    kept = (EXAMPLE / RELEASE / "manifest.json").read_bytes()
    assert hashlib.sha256(kept).hexdigest() == body.manifest_digest == RECORDED["manifest"]
    assert ReleaseManifest.model_validate_json(kept) == release
    assert release.figures_digest == RECORDED["figures"]
    snapshot = EXAMPLE / "catalogues" / f"{release.catalogue}.json"
    assert structures.open_snapshot(snapshot).digest == RECORDED["catalogue"]
    [receipt] = (EXAMPLE / "receipts").iterdir()
    assert Receipt.model_validate_json(receipt.read_bytes()).delivery == RECORDED["delivery"]
    assert delivery_id("G06", body.manifest_digest) == RECORDED["delivery"]


def test_the_hub_of_today_makes_the_same(home: Path, tmp_path: Path) -> None:
    """All but what tells of the code, and the bytes of Parquet and zstd files."""
    collect(home, tmp_path)
    same = [
        f"landing/hue/telecom/gathers/{GATHER}/landing.json",
        f"catalogues/{RECORDED['catalogue']}.json",
        f"receipts/{RECORDED['delivery']}.json",
        *(f"{RELEASE}/{name}.json" for name in ("manifest", "figures", "document")),
    ]
    for name in same:
        assert (tmp_path / name).read_bytes() == (EXAMPLE / name).read_bytes(), name
    mine, shipped = (
        Manifest.model_validate(told(f"{SUBMISSION}/manifest.json", folder)).model_dump()
        for folder in (tmp_path, EXAMPLE)
    )
    for manifest in (mine, shipped):
        del manifest["reading"], manifest["files"], manifest["findings"]
        for name in ("mapping", "rules", "plugin"):
            del manifest["digests"][name]
    assert mine == shipped


def test_the_example_is_not_made_again() -> None:
    with pytest.raises(SystemExit, match="what is published stays"):
        main()
