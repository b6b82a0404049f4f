"""How a provision's folder is laid out, in a child's scratch folder and in the landing zone alike.

::

    landing/<province>/<provision>/
      parts/<sha256>.zst                       bytes as received, once
      gathers/<gather>/landing.json            parts in order; the gather's commit point
      gathers/<gather>/quarantine.parquet      rows whose period could not be read
      submissions/<calendar>.<label>/<gather>-<replay>/
        observations.parquet  quarantine.parquet  manifest.json (written last)
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hub_core.errors import SubmissionError
from hub_core.model.exchange import Manifest
from hub_core.model.formats import MANIFESTS

JOURNAL = "parts.jsonl"
OBSERVATIONS, QUARANTINE, MANIFEST = "observations.parquet", "quarantine.parquet", "manifest.json"


def submission_path(calendar: str, period: str, gather: str, replay: int) -> str:
    """Return the path of a submission's folder below its provision's folder."""
    return f"submissions/{calendar}.{period}/{gather}-{replay}"


def write(path: Path, content: bytes) -> None:
    """Write a file so that it is there with all its content or not at all."""
    scratch = path.with_name(path.name + ".new")
    with scratch.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that is there whole when the block ends well, or is not changed at all."""
    scratch = path.with_name(path.name + ".new")
    try:
        with scratch.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a sealed folder and check the folder's files against their digests.

    Raises SubmissionError where the manifest is missing or cannot be read, where it lists other
    files, and where a file is missing, a link, or not the one that was sealed.
    """
    path = folder / MANIFEST
    try:
        manifest = MANIFESTS.read(path.read_bytes())
    except FileNotFoundError as error:
        raise SubmissionError(f"{folder} was never sealed: it has no {MANIFEST}") from error
    except ValueError as error:
        raise SubmissionError(f"{path}: {error}") from error
    if set(manifest.files) != {OBSERVATIONS, QUARANTINE}:
        raise SubmissionError(f"{path} lists other files than {OBSERVATIONS} and {QUARANTINE}")
    for name, digest in manifest.files.items():
        file = folder / name
        if file.is_symlink() or not file.is_file():
            raise SubmissionError(f"{file} is not there")
        if file_digest(file) != digest:
            raise SubmissionError(f"{file} is not the file that was sealed")
    return manifest


def is_plain(path: Path) -> bool:
    """Tell whether a path is a regular file and not a symbolic link."""
    return path.is_file() and not path.is_symlink()
