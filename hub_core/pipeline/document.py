"""A release as a document: named, in order, beside the figures of the period before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub_core.errors import StoreError
from hub_core.home import Hub
from hub_core.model.period import Calendar, Period
from hub_core.store.releases import Release, wrong_in

if TYPE_CHECKING:
    from hub_core.contracts import Document
    from hub_core.model.catalogue import Catalogue


def document(hub: Hub, release: Release) -> Document:
    """A release as a writer is given it: named, in order, beside the figures of the period before.

    Raises StoreError where its manifest or figures, or those beside it, are not the ones that were
    frozen.
    """
    from hub_core.contracts import Document

    catalogue = hub.catalogue_of(release.manifest.catalogue)
    flow = catalogue.dataflows[release.dataflow]
    period = Period.parse(release.period)
    before = hub.releases.latest(release.dataflow, release.calendar, str(period.shift(-1)))
    previous: dict[tuple[str, ...], str] = {
        (row["indicator"], row["org_unit"], row["measure"], row["dims"]): _text(
            row["value"], catalogue.decimals(row["indicator"])
        )
        for row in (frozen(hub, before) if before else [])
        if row["indicator"] in catalogue.indicators
    }
    return Document(
        manifest=json.loads(release.manifest_text),
        manifest_digest=release.manifest_digest,
        title=flow.name_vi,
        title_en=flow.name_en,
        period=release.period,
        previous_period=str(period.shift(-1)),
        figures=[_figure(catalogue, row, period) for row in frozen(hub, release)],
        previous=previous,
        reporters=[
            {
                "provider": r.provider,
                "province": r.province,
                "name": hub.provinces[r.province].name
                if r.province in hub.provinces
                else _name(catalogue, r.org_units[-1], period),
                "state": r.state,
            }
            for r in release.manifest.reporters
        ],
    )


def frozen(hub: Hub, release: Release) -> list[dict[str, Any]]:
    """A release's figures, held against its digests.

    Raises StoreError where they are not the ones that were frozen.
    """
    rows = hub.releases.figures(release.id)
    wrong = wrong_in(release, rows)
    if wrong:
        what = (
            f"{release.name}: {' and '.join(wrong)}: the database was changed by hand or is damaged"
        )
        raise StoreError(f"{what}: bring it back from a backup (hub restore into another folder)")
    return rows


def _figure(catalogue: Catalogue, row: dict[str, Any], period: Period) -> dict[str, str]:
    indicator = catalogue.indicators[row["indicator"]]
    decimals = catalogue.decimals(indicator.code)
    return {
        "indicator": indicator.code,
        "name_vi": indicator.name_vi,
        "name_en": indicator.name_en,
        "unit": indicator.unit,
        "org_unit": row["org_unit"],
        "org_unit_name": _name(catalogue, row["org_unit"], period),
        "period": row["period"],
        "calendar": row["calendar"],
        "measure": row["measure"],
        "dims": row["dims"],
        "value": _text(row["value"], decimals),
        "decimals": str(decimals),
        "status": row["status"],
        "coverage": f"{row['covered']}/{row['expected']}" if row["covered"] is not None else "",
        "method": row["method"],
    }


def _text(value: Any, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def _name(catalogue: Catalogue, org_unit: str, period: Period) -> str:
    return catalogue.org_units[org_unit].named(period.days(Calendar.STATISTICAL)[1]).name


def export(hub: Hub, release: Release, kind: str, target: Path) -> Path:
    """Write a release as a file of some kind."""
    from hub_core.contracts import Document
    from hub_core.landing.layout import write
    from hub_core.packages.load import ConnectorRegistry

    writer = ConnectorRegistry(hub.config.settings.plugins.trusted).writer(
        {"kind": kind}, f"writer {kind}", Document
    )
    named = target.suffix == writer.suffix
    path = target if named else target / f"{release.name.replace('/', '-')}{writer.suffix}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, writer.write(document(hub, release)))
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    return path
