"""Seal: figures and quarantine of one period as immutable files, and the manifest that makes them a submission."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hub_core.landing import MANIFEST, OBSERVATIONS, QUARANTINE, file_digest, write
from hub_core.model.exchange import Manifest
from hub_core.model.observation import SCHEMA

_ROW_GROUP = 1_000_000


def seal(folder: Path, figures: pl.DataFrame, quarantine: pl.DataFrame, manifest: Manifest) -> Manifest:
    """Write a submission; ``manifest.json`` comes last. Gives the manifest with its files' digests."""
    figures.lazy().cast(SCHEMA).sink_parquet(
        folder / OBSERVATIONS, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP
    )
    quarantine.write_parquet(folder / QUARANTINE, compression="zstd")
    files = {name: file_digest(folder / name) for name in (OBSERVATIONS, QUARANTINE)}
    sealed = manifest.model_copy(update={"files": files})
    write(folder / MANIFEST, sealed.model_dump_json(indent=1).encode())
    return sealed
