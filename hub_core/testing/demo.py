"""The demo: one night on this machine, from the sample systems to a sample ministry's receipt."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import hub_core
from hub_core.errors import ConfigurationError
from hub_core.testing.home import make_home
from hub_core.testing.ministry import SampleMinistry
from hub_core.testing.samples import SampleSystems

NIGHT = "2026-11-06T02:00"


def run(home: Path | None = None) -> int:
    """Run the demo; return its exit code.

    Raises ConfigurationError where the packages of the source tree are not there.
    """
    root = Path(hub_core.__file__).parent.parent
    packages = root / "plugins"
    if not packages.is_dir():
        raise ConfigurationError(
            "the demo needs the provinces' packages: run it in the source tree, by make demo"
        )
    home = (home or Path("build") / "demo").resolve()
    if home.exists():
        shutil.rmtree(home)
    home.mkdir(parents=True)
    with SampleSystems(packages, home / "systems") as systems, SampleMinistry() as ministry:
        make_home(home, root / "config", [packages], systems.sources, ministry.url)
        _print(
            "Liên Thông: one night on this machine, the night of 2026-11-06.",
            "Served by real protocols on loopback, from the packages' samples:",
            *(f"  {name}{_figures_note(name)}" for name in systems.shown),
        )
        environment = {**os.environ, **systems.environment, "HUB_HOME": str(home)}
        for words in (
            ["check"],
            ["night", "--now", NIGHT],
            ["finding", "quarantine"],
            ["obligation", "list", "--dataflow", "TELECOM", "--now", NIGHT],
        ):
            code = _run_hub(words, environment)
            if code:
                return code
        _print_ledger(ministry)
        code = _run_hub(["trace", "TELECOM/2026-Q3", "VT.06", "cluster-5"], environment)
    _print(
        "",
        f"Everything is kept in {home}; the sample systems have stopped. Two commands to try next:",
        f"  .venv/bin/hub release show TELECOM/2026-Q3 --home {home}",
        f"  .venv/bin/hub release export TELECOM/2026-Q3 {home} --home {home}",
    )
    return code


def _print_ledger(ministry: SampleMinistry) -> None:
    _print("", "What the sample ministry's own ledger says:")
    for entry in ministry.ledger:
        _print(
            f"  {entry['receipt']['reference']}: {entry['dataflow']} {entry['period']} version {entry['version']},"
            f" {entry['state']}, figures {str(entry['figures_digest'])[:12]}"
        )


def _figures_note(name: str) -> str:
    return (
        "   (invented figures)"
        if "invented" in name
        else "   (published figures)"
        if "published" in name
        else ""
    )


def _run_hub(words: list[str], environment: dict[str, str]) -> int:
    """Run one command as a person would, and show what it says."""
    _print("", f"$ hub {' '.join(words)}")
    command = [sys.executable, "-c", "from hub_core.cli import main; main()", *words]
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - our own command


def _print(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
