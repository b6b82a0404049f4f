"""A release as a document: named, in order, beside the figures of the period before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub_core.errors import StoreError
from hub_core.home import Hub
from hub_core.model.period import Calendar, Period
from hub_core.store.releases import Release, wrong_in

if TYPE_CHECKING:
    from hub_core.contracts import Document, DocumentFigure
    from hub_core.model.catalogue import Catalogue
    from hub_core.model.exchange import Reporter


@dataclass(frozen=True)
class Figures:
    """The figures of a release, read anew from the database each time they are iterated.

    Those of an indicator that the catalogue does not have are left out.
    """

    hub: Hub
    release: Release
    catalogue: Catalogue

    def __iter__(self) -> Iterator[DocumentFigure]:
        period = Period.parse(self.release.period)
        for row in self.hub.releases.figures(self.release.id):
            if row["indicator"] in self.catalogue.indicators:
                yield _figure(self.catalogue, row, period)


def document(hub: Hub, release: Release) -> Document:
    """Make the document that writers are given of a release.

    Raises StoreError where its manifest or figures, or those of the period before, are not the ones
    that were frozen.
    """
    from hub_core.contracts import Document, DocumentReporter

    catalogue = hub.catalogue_of(release.manifest.catalogue)
    dataflow = catalogue.dataflows[release.dataflow]
    period = Period.parse(release.period)
    previous_period = str(period.shift(-1))
    previous = hub.releases.latest(release.dataflow, release.calendar, previous_period)
    for one in filter(None, (release, previous)):
        check_frozen(hub, one)
    return Document(
        manifest=json.loads(release.manifest_text),
        manifest_digest=release.manifest_digest,
        title=dataflow.name_vi,
        title_en=dataflow.name_en,
        period=release.period,
        previous_period=previous_period,
        figures=Figures(hub, release, catalogue),
        previous=Figures(hub, previous, catalogue) if previous else (),
        reporters=tuple(
            DocumentReporter(
                r.provider, r.province, _reporter_name(hub, catalogue, r, period), r.state
            )
            for r in release.manifest.reporters
        ),
    )


def check_frozen(hub: Hub, release: Release) -> None:
    """Hold a release against its digests.

    Raises StoreError where its manifest or figures are not the ones that were frozen.
    """
    wrong = wrong_in(release, hub.releases.figures(release.id))
    if wrong:
        what = (
            f"{release.name}: {' and '.join(wrong)}: the database was changed by hand or is damaged"
        )
        raise StoreError(f"{what}: bring it back from a backup (hub restore into another folder)")


def _reporter_name(hub: Hub, catalogue: Catalogue, reporter: Reporter, period: Period) -> str:
    if reporter.province in hub.provinces:
        return hub.provinces[reporter.province].name
    return _name(catalogue, reporter.org_units[-1], period)


def _figure(catalogue: Catalogue, row: dict[str, Any], period: Period) -> DocumentFigure:
    from hub_core.contracts import DocumentFigure

    indicator = catalogue.indicators[row["indicator"]]
    decimals = catalogue.decimals(indicator.code)
    return DocumentFigure(
        indicator=indicator.code,
        name_vi=indicator.name_vi,
        name_en=indicator.name_en,
        unit=indicator.unit,
        org_unit=row["org_unit"],
        org_unit_name=_name(catalogue, row["org_unit"], period),
        period=row["period"],
        calendar=row["calendar"],
        measure=row["measure"],
        dims=row["dims"],
        value="" if row["value"] is None else f"{row['value']:.{decimals}f}",
        decimals=decimals,
        status=row["status"],
        coverage=f"{row['covered']}/{row['expected']}" if row["covered"] is not None else "",
        method=row["method"],
    )


def _name(catalogue: Catalogue, org_unit: str, period: Period) -> str:
    unit = catalogue.org_units.get(org_unit)
    return unit.named(period.days(Calendar.STATISTICAL)[1]).name if unit else org_unit


def export(hub: Hub, release: Release, kind: str, target: Path) -> Path:
    """Write a release as a file of some kind."""
    from hub_core.contracts import Document
    from hub_core.landing.layout import writing
    from hub_core.packages.load import ConnectorRegistry

    writer = ConnectorRegistry(hub.config.settings.plugins.trusted).writer(
        {"kind": kind}, f"writer {kind}", Document
    )
    named = target.suffix == writer.suffix
    path = target if named else target / f"{release.name.replace('/', '-')}{writer.suffix}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as file:
            writer.write(document(hub, release), file)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    return path
