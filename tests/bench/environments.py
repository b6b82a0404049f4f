"""The peers of the bench, each in a virtual environment of its own, made where it is not there yet."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

PEERS = Path(__file__).resolve().parent / "peers"


def python_of(peer: str, build: Path) -> Path:
    """The interpreter in which a peer runs, with what ``peers/PEER.txt`` names; made anew where that has changed."""
    named = PEERS / f"{peer}.txt"
    folder = build / "bench" / "environments" / f"{peer}-{sha256(named.read_bytes()).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    done = folder / "made"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        quiet = ["--quiet", "--disable-pip-version-check"]
        subprocess.run([str(python), "-m", "pip", "install", *quiet, "-r", str(named)], check=True)
        done.touch()
    return python
