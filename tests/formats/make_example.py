"""Makes docs/formats/example: what one night of a small home leaves, as far as docs/formats.md is about it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path

import zstandard

from hub_core.config.operator import load
from hub_core.obligations import ZONE
from hub_core.testing.ministry import SampleMinistry
from hub_core.upkeep.backup import ABOUT, DIGESTS
from hub_core.upkeep.backup.make import backup

SMALL = Path(__file__).parent / "small"
EXAMPLE = Path(__file__).parents[2] / "docs" / "formats" / "example"
NIGHT = "2026-11-06T02:00"
RELEASE = "TELECOM/2026-M10/v1"
SET = "backup.tar.zst"
HUB = [sys.executable, "-c", "from hub_core.cli import main; main()"]
FIGURES = """
    select indicator, org_unit, period, calendar, measure, dims, value, status, covered, expected, method
    from figure where release_id = ?
    order by indicator, org_unit, period, calendar, measure, dims
"""


def live(home: Path) -> Path:
    """A small home after its night: a submission, a release, a receipt, and a backup of it all."""
    shutil.copytree(SMALL, home, ignore=shutil.ignore_patterns("__pycache__"))
    path = home / "config" / "deliveries" / "ministry.toml"
    told = path.read_text(encoding="utf-8")
    with SampleMinistry() as ministry:
        path.write_text(told.replace("http://127.0.0.1:1/releases", ministry.url), encoding="utf-8")
        hub(home, "night", "--now", NIGHT)
    hub(home, "release", "export", RELEASE, "release.json", "--format", "json")
    made_at = datetime.fromisoformat(NIGHT).replace(tzinfo=ZONE)
    backup(load(home), home / SET, made_at, lambda *_: None)
    return home


def collect(home: Path, folder: Path) -> None:
    """The files that the page is about, from a home: those that it keeps as files, and those in its database."""
    for name in ("landing", "catalogues"):
        shutil.copytree(home / name, folder / name)
    release = folder / "releases" / RELEASE.replace("/", "-")
    release.mkdir(parents=True)
    shutil.copy(home / "release.json", release / "document.json")
    with closing(sqlite3.connect(home / "hub.db")) as database:
        [(number, manifest)] = database.execute("select id, manifest from release")
        (release / "manifest.json").write_text(manifest, encoding="utf-8")
        found = database.execute(FIGURES, [number])
        names = [column[0] for column in found.description]
        rows = [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in found]
        (release / "figures.json").write_text("[" + ",\n".join(rows) + "]\n", encoding="utf-8")
        [(delivery, answer)] = database.execute("select delivery_id, answer from receipt")
    (folder / "receipts").mkdir()
    (folder / "receipts" / f"{delivery}.json").write_text(answer, encoding="utf-8")
    (folder / "backup").mkdir()
    for name, content in opened(home / SET).items():
        if name in (ABOUT, DIGESTS):
            (folder / "backup" / name).write_bytes(content)


def opened(backup_set: Path) -> dict[str, bytes]:
    """The members of a backup set, by name."""
    members = {}
    with (
        backup_set.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as stream,
        tarfile.open(fileobj=stream, mode="r|") as tar,
    ):
        for member in tar:
            content = tar.extractfile(member)
            assert content is not None
            members[member.name] = content.read()
    return members


def hub(home: Path, *words: str) -> None:
    """One command as a person would run it in the home's own folder."""
    done = subprocess.run(
        [*HUB, *words, "--home", "."], cwd=home, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"hub {' '.join(words)}: {done.stdout}{done.stderr}")


def main() -> None:
    """Make the example where there is none; the one that is shipped is published, and stays."""
    if EXAMPLE.exists():
        raise SystemExit(f"{EXAMPLE} is there already: what is published stays as it is")
    with tempfile.TemporaryDirectory() as folder:
        collect(live(Path(folder) / "home"), EXAMPLE)


if __name__ == "__main__":
    main()
