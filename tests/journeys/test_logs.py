"""What the hub logs at its edges is shown where HUB_LOG asks for it, beside what a command says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

NOW = "2026-11-06T02:00"
HUB = [sys.executable, "-c", "from hub_core.cli import main; main()"]


def run(level: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HUB_LOG": level}
    return subprocess.run(
        [*HUB, *words], env=environment, capture_output=True, text=True, check=False
    )


def test_a_night_shows_its_database_on_standard_error_and_its_answer_on_standard_output(
    tmp_path: Path,
) -> None:
    home = str(tmp_path / "home")
    run("", "init", home)
    shown = run("debug", "status", "--home", home, "--json", "--now", NOW)
    assert json.loads(shown.stdout)["runs"] == []
    assert "DEBUG hub_core.store.connection: database sqlite:///" in shown.stderr
    silent = run("", "status", "--home", home, "--json", "--now", NOW)
    assert (silent.stdout, silent.stderr) == (shown.stdout, "")


def test_a_word_that_is_no_level_is_refused(tmp_path: Path) -> None:
    refused = run("loud", "status", "--home", str(tmp_path))
    assert refused.returncode == 2
    assert "HUB_LOG is one of debug, info, warning, error, and not 'loud'" in refused.stderr
