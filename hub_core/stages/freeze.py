"""Freeze: a draft and its deliveries enter the database in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

import polars as pl

from hub_core.model.canonical import canonical
from hub_core.model.exchange import ReleaseManifest
from hub_core.store.releases import Release, Releases


def freeze(
    releases: Releases,
    manifest: ReleaseManifest,
    figures: pl.DataFrame,
    recipients: Iterable[str],
    now: datetime,
) -> Release:
    """Enter a release and its deliveries in the database, and return the frozen release.

    Each recipient has one delivery in the outbox. A delivery's id is made of its recipient and the
    digest of the manifest. Raises StateError where another version was frozen in between.
    """
    text = canonical(manifest)
    digest = hashlib.sha256(text).hexdigest()
    deliveries = [(delivery_id(recipient, digest), recipient) for recipient in recipients]
    return releases.freeze(
        manifest, text.decode(), digest, figures.to_dict(as_series=False), deliveries, now
    )


def delivery_id(recipient: str, manifest_digest: str) -> str:
    """Return the id of a delivery: the sha256 over its recipient and the manifest's digest.

    The id is the same however often the delivery is sent.
    """
    return hashlib.sha256(f"{recipient}\n{manifest_digest}\n".encode()).hexdigest()
