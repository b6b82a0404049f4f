"""The quarantine as people read it.

Each row has its reason, its place in the sender's terms, and its cells as they came.
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

ROW_LIMIT = 1_000_000  # rows listed of one quarantine: what a sheet of a workbook holds
UNREAD = "?"  # the period of rows whose own could not be read
Words = dict[str, tuple[str, str]]  # a rule's Vietnamese and English by its code


@dataclass(frozen=True)
class Listing:
    """Quarantines, the rows of each in the sender's order.

    ``rows`` counts all the rows that there are, listed here or not.
    """

    quarantines: list[Quarantine]
    rows: int

    @property
    def listed(self) -> int:
        """How many rows are listed."""
        return sum(len(quarantine.rows) for quarantine in self.quarantines)


@dataclass(frozen=True, kw_only=True)
class _StoredQuarantine:
    """Quarantined rows as they are stored, of a revision or of a gather, and what explains them.

    ``at`` is when they were admitted or landed. ``parts`` are those that the rows' ``part`` counts.
    """

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
    """List the quarantines of the newest revisions, and those of the newest gathers.

    The latter have the rows whose period could not be read. ``limit``: how many rows are listed in
    all. ``cells``: with the whole row of each as it came.
    """
    stored, rows_left, total = [], limit, 0
    for quarantine in sorted(
        _stored(hub, province, period), key=lambda q: (q.province, q.provision, q.period)
    ):
        total += len(quarantine.rows)
        most = ROW_LIMIT if rows_left is None else min(ROW_LIMIT, rows_left)
        rows = sorted(quarantine.rows, key=lambda row: (row["part"], row["row"]))[:most]
        rows_left = None if rows_left is None else rows_left - len(rows)
        if rows:
            stored.append(replace(quarantine, rows=rows))
    by_provision: dict[tuple[str, str], list[_StoredQuarantine]] = {}
    for quarantine in stored:
        by_provision.setdefault((quarantine.province, quarantine.provision), []).append(quarantine)
    listed = [
        quarantine
        for of_provision in by_provision.values()
        for quarantine in _located_quarantines(hub, of_provision, cells=cells)
    ]
    return Listing(listed, total)


def _stored(hub: Hub, province: str | None, period: str | None) -> Iterator[_StoredQuarantine]:
    """Yield the quarantines of the newest revisions, and of the newest gathers."""
    if period != UNREAD:
        newest: dict[tuple[str, str, str], Submission] = {}
        for submission in hub.store.submissions(**({"province": province} if province else {})):
            if period in (None, submission.period):
                newest[submission.province, submission.provision, submission.period] = submission
        for submission in newest.values():
            if submission.quarantined:
                yield _of_revision(hub, submission)
    if period in (None, UNREAD):
        for folder in sorted(hub.zone.root.glob(f"{province or '*'}/*/gathers")):
            quarantine = _of_gather(hub, *folder.parts[-3:-1])
            if quarantine is not None:
                yield quarantine


def _of_revision(hub: Hub, submission: Submission) -> _StoredQuarantine:
    folder = hub.zone.root / submission.path
    manifest = hub.verified_manifest(submission)
    return _StoredQuarantine(
        province=submission.province,
        provision=submission.provision,
        dataflow=submission.dataflow,
        provider=submission.provider,
        period=submission.period,
        revision=submission.revision,
        at=submission.admitted_at,
        parts=manifest.parts,
        words={finding.code: (finding.vi, finding.en) for finding in manifest.findings},
        rows=quarantined(folder),
    )


def _of_gather(hub: Hub, province: str, provision: str) -> _StoredQuarantine | None:
    """Read the rows without a period of a provision's newest complete gather.

    Rows that a replay of it could read are left out. Returns None where no row remains.
    """
    landings = (
        hub.zone.landing(province, provision, gather)
        for gather in reversed(hub.zone.landings(province, provision))
    )
    landing = next((landing for landing in landings if landing.complete), None)
    if landing is None:
        return None
    rows = quarantined(hub.zone.provision(province, provision) / "gathers" / landing.gather)
    replayed = _replayed(hub, landing) if rows else set()
    rows = [row for row in rows if (row["part"], row["row"]) not in replayed]
    if not rows:
        return None
    declared = _declared(hub, province, provision)
    return _StoredQuarantine(
        province=province,
        provision=provision,
        dataflow=declared.dataflow if declared else "",
        provider=declared.provider if declared else "",
        period=UNREAD,
        revision=0,
        at=landing.landed_at,
        parts=landing.parts,
        words={},
        rows=rows,
    )


def _replayed(hub: Hub, landing: Landing) -> set[tuple[int, int]]:
    """Return the rows of a landing, by part and row, that its replays brought to a period."""
    import polars as pl

    of_landing = {
        "province": landing.province,
        "provision": landing.provision,
        "gather": landing.gather,
    }
    replayed: set[tuple[int, int]] = set()
    for submission in hub.store.submissions(**of_landing):
        for name in (OBSERVATIONS, QUARANTINE) if submission.replay else ():
            places = (
                pl.scan_parquet(hub.zone.root / submission.path / name)
                .select("part", "row")
                .unique()
                .collect()
            )
            replayed.update(places.iter_rows())
    return replayed


def _located_quarantines(
    hub: Hub, stored: list[_StoredQuarantine], *, cells: bool
) -> Iterator[Quarantine]:
    """Yield the quarantines of one provision for people, each row located.

    All the places are asked for at once. ``cells``: with the whole row of each as it came.
    """
    province, provision = stored[0].province, stored[0].provision
    declared = _declared(hub, province, provision)
    faults = [place_of(declared, q.parts, row) for q in stored for row in q.rows]
    answers = located(hub, province, provision, [place for place, _ in faults], cells=cells)
    remaining = iter(zip(faults, answers, strict=True))
    for quarantine in stored:
        of_rows = zip(quarantine.rows, islice(remaining, len(quarantine.rows)), strict=True)
        yield Quarantine(
            province=quarantine.province,
            provision=quarantine.provision,
            dataflow=quarantine.dataflow,
            provider=quarantine.provider,
            period=quarantine.period,
            revision=quarantine.revision,
            admitted_at=quarantine.at.astimezone(ZONE).isoformat(timespec="minutes"),
            rows=tuple(
                _quarantined_row(row, quarantine.words, answer, is_fault=is_fault)
                for row, ((_, is_fault), answer) in of_rows
            ),
        )


def _quarantined_row(
    row: dict[str, Any], words: Words, answer: Located, *, is_fault: bool
) -> QuarantinedRow:
    """Make a quarantined row for people from a stored row and its place.

    ``is_fault``: whether the text at the place is the one at fault; else the row's own text is
    shown.
    """
    code, rule = row["code"], RULES.get(row["code"])
    why, why_en = words.get(code) or ((rule.text.vi, rule.text.en) if rule else (code, code))
    return QuarantinedRow(
        code=code,
        why=why,
        why_en=why_en,
        field=row["field"],
        text=answer.text if is_fault and answer.read and answer.text else row["text"] or "",
        locator=answer.locator if answer.read else f"{answer.locator} {answer.text}",
        cells=answer.cells,
    )


def _declared(hub: Hub, province: str, provision: str) -> Provision | None:
    declared = hub.provinces.get(province)
    return declared.provisions.get(provision) if declared else None


def export(hub: Hub, quarantines_to_write: Iterable[Quarantine], target: Path) -> list[Path]:
    """Write quarantines as workbooks, one a revision, and return the files.

    ``target`` is a file, where there is one quarantine, or a folder. Raises StateError where there
    is nothing to write or one file would have to hold several, and StoreError where a file cannot
    be written.
    """
    from hub_core.packages.load import ConnectorRegistry

    listed = list(quarantines_to_write)
    writer = ConnectorRegistry(hub.config.settings.plugins.trusted).writer(
        {"kind": "quarantine"}, "writer quarantine", Quarantine
    )
    is_one_file = target.suffix.lower() == writer.suffix and not target.is_dir()
    if not listed:
        raise StateError("no row is in the quarantine there, so no workbook was written")
    if is_one_file and len(listed) > 1:
        raise StateError(
            f"{len(listed)} submissions have quarantined rows and a workbook holds one:"
            " give a folder, or choose by --province and --period"
        )
    paths = []
    for quarantine in listed:
        path = target if is_one_file else target / f"{_file_name(quarantine)}{writer.suffix}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with writing(path) as file:
                writer.write(_with_names(hub, quarantine), file)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error
        paths.append(path)
    return paths


def _file_name(quarantine: Quarantine) -> str:
    is_unread = quarantine.period == UNREAD
    which = "no-period" if is_unread else f"{quarantine.period}-r{quarantine.revision}"
    return f"{quarantine.province}-{quarantine.provision}-{which}"


def _with_names(hub: Hub, quarantine: Quarantine) -> Quarantine:
    """Put the names of province, provider and dataflow before their ids."""
    declared = hub.provinces.get(quarantine.province)
    dataflow = hub.config.catalogue.dataflows.get(quarantine.dataflow)
    day = datetime.fromisoformat(quarantine.admitted_at).date()
    names = [
        provider.name
        for provider in (declared.providers if declared else ())
        if provider.id == quarantine.provider
        and (provider.valid_to is None or day <= provider.valid_to)
    ]
    return replace(
        quarantine,
        province=f"{declared.name} ({quarantine.province})" if declared else quarantine.province,
        provider=f"{names[0]} ({quarantine.provider})" if names else quarantine.provider,
        dataflow=f"{dataflow.name_vi} ({quarantine.dataflow})" if dataflow else quarantine.dataflow,
    )


def quarantined(path: Path) -> list[dict[str, Any]]:
    """Read the quarantined rows of a sealed folder or a gather's folder."""
    import polars as pl

    file = path / QUARANTINE
    return pl.read_parquet(file).to_dicts() if file.exists() else []
