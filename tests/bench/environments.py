"""The peers of the bench, each in a virtual environment of its own, made where it is not there yet."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

PEERS = Path(__file__).resolve().parent / "peers"
MADE = PEERS.parents[2] / "build" / "bench" / "environments"


def python_of(peer: str) -> Path:
    """The interpreter in which a peer runs, with what ``peers/PEER.txt`` names.

    Made anew where that has changed.
    """
    named = PEERS / f"{peer}.txt"
    folder = MADE / f"{peer}-{sha256(named.read_bytes()).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    done = folder / "made"
    if not done.exists():
        subprocess.run(
            [sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)], check=True
        )
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "--quiet",
            "--disable-pip-version-check",
        ]
        subprocess.run([*pip, "install", "-r", str(named)], check=True)
        done.touch()
    return python
