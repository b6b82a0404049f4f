"""Seal: write one period's figures and quarantine as files that never change.

The manifest, written last, makes them a submission.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hub_core.landing.layout import MANIFEST, OBSERVATIONS, QUARANTINE, file_digest, write
from hub_core.model.exchange import Manifest
from hub_core.model.observation import write_figures


def seal(
    folder: Path, figures: pl.DataFrame, quarantine: pl.DataFrame, manifest: Manifest
) -> Manifest:
    """Write a submission's files, ``manifest.json`` last.

    Returns the manifest with the digests of the files.
    """
    write_figures(figures, folder / OBSERVATIONS)
    quarantine.write_parquet(folder / QUARANTINE, compression="zstd")
    files = {name: file_digest(folder / name) for name in (OBSERVATIONS, QUARANTINE)}
    sealed = manifest.model_copy(update={"files": files})
    write(folder / MANIFEST, sealed.model_dump_json(indent=1).encode())
    return sealed
