"""Backup: database, landing zone, catalogues and configuration as one set, verified by digests.

A set is one file, ``tar`` in ``zstd``. Its members in order::

    database.sqlite or database.pgdump      taken first: every file that a row names was there before the row
    catalogues/ config/ landing/            the files that rows name, and config/ without secrets
    installed/                              which packages were installed; not the packages
    files.sha256                            a line for each member before it, as sha256sum writes it
    set.json                                what the set is; last, so that a set that was cut off has none
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from hub_core.model.exchange import Digest, Exchanged
from hub_core.model.formats import Formats

SQLITE, POSTGRESQL = "database.sqlite", "database.pgdump"
DIGESTS, ABOUT = "files.sha256", "set.json"
FOLDERS = ("catalogues", "config", "installed", "landing")


class About(Exchanged):
    """What a set is; ``rows`` counts every table, ``digests`` is the sha256 of ``files.sha256``."""

    format: Literal[1] = 1
    hub: str
    schema_version: str
    database: Literal["database.sqlite", "database.pgdump"]
    made_at: datetime
    files: int
    bytes: int
    rows: dict[str, int]
    left_out: list[str]
    digests: Digest


ABOUTS = Formats(About)
