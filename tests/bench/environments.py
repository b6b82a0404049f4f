"""The peers of the bench, each in a virtual environment of its own, made where it is not there yet."""

from __future__ import annotations

import fcntl
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
    MADE.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run of the bench may make it too
        if not done.exists():
            _make(folder, python, named)
            done.touch()
    return python


def _make(folder: Path, python: Path, named: Path) -> None:
    venv = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)]
    subprocess.run(venv, check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--quiet"]
    install = ["--disable-pip-version-check", "install", "-r", str(named)]
    subprocess.run([*pip, *install], check=True)
