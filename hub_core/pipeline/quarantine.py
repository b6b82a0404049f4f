"""The quarantine as people read it.

Each row with its reason, its place in the sender's terms and as it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub_core.contracts import Quarantine, QuarantinedRow
from hub_core.errors import StateError, StoreError
from hub_core.landing.layout import OBSERVATIONS, QUARANTINE, writing
from hub_core.obligations import ZONE
from hub_core.pipeline.places import located, place_of
from hub_core.rules import RULES

if TYPE_CHECKING:
    from hub_core.config.province import Provision
    from hub_core.home import Hub
    from hub_core.model.exchange import Landing, Located, Part
    from hub_core.store.revisions import Submission

MOST = 1_000_000  # rows of one quarantine that are told: what a sheet of a workbook holds
UNREAD = "?"  # the period of rows whose own could not be read
Words = dict[str, tuple[str, str]]  # a rule's Vietnamese and English by its code


@dataclass(frozen=True)
class Listing:
    """Quarantines, the rows of each in the sender's order.

    ``rows`` are all that there are, told or not.
    """

    quarantines: list[Quarantine]
    rows: int

    @property
    def listed(self) -> int:
        """How many rows are listed."""
        return sum(len(each.rows) for each in self.quarantines)


@dataclass(frozen=True)
class _Kept:
    """Quarantined rows as they are kept, of a revision or of a gather, and what is needed to tell of them."""

    province: str
    provision: str
    dataflow: str
    provider: str
    period: str
    revision: int
    at: datetime
    parts: list[Part]
    words: Words
    rows: list[dict[str, Any]]


def quarantines(
    hub: Hub,
    province: str | None = None,
    period: str | None = None,
    *,
    limit: int | None = None,
    cells: bool = False,
) -> Listing:
    """The quarantines of the newest revisions, and the rows of the newest gathers that have no period at all.

    ``limit``: told of so many rows in all; ``cells``: with the whole row of each as it came.
    """
    kept, left, total = [], limit, 0
    for each in sorted(
        _kept(hub, province, period), key=lambda one: (one.province, one.provision, one.period)
    ):
        total += len(each.rows)
        ordered = sorted(each.rows, key=lambda row: (row["part"], row["row"]))[
            : min(MOST, MOST if left is None else left)
        ]
        left = None if left is None else left - len(ordered)
        if ordered:
            kept.append(replace(each, rows=ordered))
    by_provision: dict[tuple[str, str], list[_Kept]] = {}
    for each in kept:
        by_provision.setdefault((each.province, each.provision), []).append(each)
    return Listing(
        [told for mine in by_provision.values() for told in _told(hub, mine, cells=cells)], total
    )


def _kept(hub: Hub, province: str | None, period: str | None) -> Iterator[_Kept]:
    if period != UNREAD:
        newest: dict[tuple[str, str, str], Submission] = {}
        for each in hub.store.submissions(**({"province": province} if province else {})):
            if period in (None, each.period):
                newest[each.province, each.provision, each.period] = each
        yield from (_of_revision(hub, each) for each in newest.values() if each.quarantined)
    if period in (None, UNREAD):
        for folder in sorted(hub.zone.root.glob(f"{province or '*'}/*/gathers")):
            found = _of_gather(hub, *folder.parts[-3:-1])
            if found is not None:
                yield found


def _of_revision(hub: Hub, submission: Submission) -> _Kept:
    folder = hub.zone.root / submission.path
    manifest = hub.verified_manifest(submission)
    return _Kept(
        submission.province,
        submission.provision,
        submission.dataflow,
        submission.provider,
        submission.period,
        submission.revision,
        submission.admitted_at,
        manifest.parts,
        {each.code: (each.vi, each.en) for each in manifest.findings},
        quarantined(folder),
    )


def _of_gather(hub: Hub, province: str, provision: str) -> _Kept | None:
    """The rows without a period of a provision's newest whole gather, but for those that a replay could read."""
    landings = (
        hub.zone.landing(province, provision, each)
        for each in reversed(hub.zone.landings(province, provision))
    )
    landing = next((each for each in landings if each.complete), None)
    if landing is None:
        return None
    rows = quarantined(hub.zone.provision(province, provision) / "gathers" / landing.gather)
    again = _replayed(hub, landing) if rows else set()
    rows = [row for row in rows if (row["part"], row["row"]) not in again]
    declared = _declared(hub, province, provision)
    dataflow, provider = (declared.dataflow, declared.provider) if declared else ("", "")
    at, parts = landing.landed_at, landing.parts
    return (
        _Kept(province, provision, dataflow, provider, UNREAD, 0, at, parts, {}, rows)
        if rows
        else None
    )


def _replayed(hub: Hub, landing: Landing) -> set[tuple[int, int]]:
    """The rows of a landing, by part and row, that its replays brought to a period."""
    import polars as pl

    mine = {"province": landing.province, "provision": landing.provision, "gather": landing.gather}
    read: set[tuple[int, int]] = set()
    for each in hub.store.submissions(**mine):
        for name in (OBSERVATIONS, QUARANTINE) if each.replay else ():
            places = (
                pl.scan_parquet(hub.zone.root / each.path / name)
                .select("part", "row")
                .unique()
                .collect()
            )
            read.update(places.iter_rows())
    return read


def _told(hub: Hub, kept: list[_Kept], *, cells: bool) -> Iterator[Quarantine]:
    """What one provision left out, each row located."""
    declared = _declared(hub, kept[0].province, kept[0].provision)
    asked = [place_of(declared, each.parts, row) for each in kept for row in each.rows]
    places = [place for place, _ in asked]
    found = iter(
        zip(
            asked,
            located(hub, kept[0].province, kept[0].provision, places, cells=cells),
            strict=True,
        )
    )
    for each in kept:
        mine = zip(each.rows, islice(found, len(each.rows)), strict=True)
        rows = tuple(_left_out(row, each.words, own, where) for row, ((_, own), where) in mine)
        at = each.at.astimezone(ZONE).isoformat(timespec="minutes")
        names = (
            each.province,
            each.provision,
            each.dataflow,
            each.provider,
            each.period,
            each.revision,
        )
        yield Quarantine(*names, at, rows)


def _left_out(row: dict[str, Any], words: Words, own: bool, where: Located) -> QuarantinedRow:
    code, rule = row["code"], RULES.get(row["code"])
    why, why_en = words.get(code) or ((rule.text.vi, rule.text.en) if rule else (code, code))
    text = where.text if own and where.read and where.text else row["text"] or ""
    locator = where.locator if where.read else f"{where.locator} {where.text}"
    return QuarantinedRow(code, why, why_en, row["field"], text, locator, where.cells)


def _declared(hub: Hub, province: str, provision: str) -> Provision | None:
    known = hub.provinces.get(province)
    return known.provisions.get(provision) if known else None


def export(hub: Hub, found: Iterable[Quarantine], target: Path) -> list[Path]:
    """Write quarantines as workbooks: one file, where there is one, or a folder of them, one a revision.

    Raises StateError where a file cannot hold them, StoreError where it cannot be written.
    """
    from hub_core.packages.load import ConnectorRegistry

    listed = list(found)
    writer = ConnectorRegistry(hub.config.settings.plugins.trusted).writer(
        {"kind": "quarantine"}, "writer quarantine", Quarantine
    )
    one = target.suffix.lower() == writer.suffix and not target.is_dir()
    if not listed:
        raise StateError("no row is in the quarantine there, so no workbook was written")
    if one and len(listed) > 1:
        raise StateError(
            f"{len(listed)} submissions have quarantined rows and a workbook holds one: give a folder, or"
            " choose by --province and --period"
        )
    paths = []
    for each in listed:
        path = target if one else target / f"{_file_name(each)}{writer.suffix}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with writing(path) as file:
                writer.write(_named(hub, each), file)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error
        paths.append(path)
    return paths


def _file_name(each: Quarantine) -> str:
    which = "no-period" if each.period == UNREAD else f"{each.period}-r{each.revision}"
    return f"{each.province}-{each.provision}-{which}"


def _named(hub: Hub, each: Quarantine) -> Quarantine:
    """A quarantine with the names of province, provider and dataflow before their ids."""
    declared, flow = (
        hub.provinces.get(each.province),
        hub.config.catalogue.dataflows.get(each.dataflow),
    )
    day = datetime.fromisoformat(each.admitted_at).date()
    names = [
        provider.name
        for provider in (declared.providers if declared else ())
        if provider.id == each.provider and (provider.valid_to is None or day <= provider.valid_to)
    ]
    return replace(
        each,
        province=f"{declared.name} ({each.province})" if declared else each.province,
        provider=f"{names[0]} ({each.provider})" if names else each.provider,
        dataflow=f"{flow.name_vi} ({each.dataflow})" if flow else each.dataflow,
    )


def quarantined(path: Path) -> list[dict[str, Any]]:
    """The quarantined rows of a sealed folder or a gather."""
    import polars as pl

    file = path / QUARANTINE
    return pl.read_parquet(file).to_dicts() if file.exists() else []
