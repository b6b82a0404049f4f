"""The demo: what it prints, and that its figures are to the digest what they were."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.command import HUB

pytestmark = pytest.mark.slow

RECORDED = Path(__file__).parent / "demo_digests.json"
SUBMISSIONS = (
    "select province, provision, calendar, period, revision, content_digest, quarantine_digest"
    " from submission order by 1, 2, 3, 4, 5"
)
RELEASES = (
    "select dataflow || '/' || period || '/v' || version, manifest_digest, figures_digest"
    " from release order by 1"
)


def test_the_demo_runs_to_the_recorded_digests(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    done = subprocess.run(
        [*HUB, "demo", "--home", str(home)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "$ hub trace TELECOM/2026-Q3 VT.06 cluster-5" in done.stdout
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    with closing(sqlite3.connect(home / "hub.db")) as database:
        submissions = [list(row) for row in database.execute(SUBMISSIONS)]
        releases = [list(row) for row in database.execute(RELEASES)]
    assert submissions == recorded["submissions"]
    assert releases == recorded["releases"]
