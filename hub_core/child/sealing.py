"""Sealing in a child: what was read becomes one submission for each period."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from hub_core.child.changes import changes
from hub_core.errors import SourceChanged
from hub_core.landing.layout import OBSERVATIONS, QUARANTINE, read_manifest
from hub_core.landing.scratch import Scratch
from hub_core.model.exchange import Digests, FindingCount, GatherOrder, Manifest, Part
from hub_core.model.finding import Finding, Severity
from hub_core.model.observation import (
    INDEXED,
    SCHEMA,
    VALUE,
    content_digest,
    quarantine_digest,
    scan_coded,
    scan_figures,
)
from hub_core.model.observation import QUARANTINE as QUARANTINE_SCHEMA
from hub_core.model.period import Calendar, Period
from hub_core.rules import Rule, SubmissionView, digest
from hub_core.stages.seal import seal
from hub_core.stages.validate import (
    Codes,
    apply_submission_rules,
    duplicates,
    figures,
    findings,
    indexed,
    share_quarantined,
    share_withdrawn,
    sort_by_key,
)

_KEPT = pl.Schema({**dict.fromkeys(INDEXED, pl.UInt32()), "value": VALUE, "status": pl.UInt32()})

if TYPE_CHECKING:
    from hub_core.config.province import Province, Provision
    from hub_core.model.catalogue import Catalogue, Dataflow


@dataclass
class Sealing:
    """What every submission of one gather has in common."""

    order: GatherOrder
    scratch: Scratch
    province: Province
    declared: Provision
    catalogue: Catalogue
    dataflow: Dataflow
    calendar: Calendar
    codes: Codes
    parts: list[Part]
    rules: dict[str, Rule]
    nil: Collection[str]
    reading: str
    sealed: dict[str, Path] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)  # the content digests of what is sealed
    last: tuple[str, pl.DataFrame | None] | None = (
        None  # the period held together last, and its figures
    )
    writing: Future[None] | None = None
    unread: list[Finding] = field(
        default_factory=list
    )  # V016, where rows without a period are too many of them all

    def __call__(
        self, spool: dict[int, list[Path]], left: list[pl.DataFrame], remarked: list[pl.DataFrame]
    ) -> tuple[list[str], list[str]]:
        """A submission for each period found, and the periods asked for that are not there.

        ``spool``: the files of accepted rows by index of their period; ``left``: quarantined rows;
        ``remarked``: rows that stay, with what is said of them.
        """
        quarantine, remarks = (
            pl.concat(each) if each else pl.DataFrame(schema=QUARANTINE_SCHEMA)
            for each in (left, remarked)
        )
        labels = self.codes.lists["period"]
        unread = quarantine.filter(pl.col("period").is_null())
        if unread.height:
            unread.write_parquet(self.scratch.gather_folder(self.order.gather) / QUARANTINE)
        found = {labels[n]: files for n, files in spool.items()}
        for label in [*quarantine["period"].drop_nulls().unique(), *self.nil]:
            found.setdefault(label, [])
        if unread.height and not found:
            text = unread["text"][0]
            raise SourceChanged(
                f"no row has a period that the mapping can read; the first says {text!r}"
            )
        if unread.height:
            files = [path for each in found.values() for path in each]
            seen = sum(pl.scan_ipc(path).select(pl.len()).collect().item() for path in files)
            self.unread = share_quarantined(quarantine, seen, self.dataflow.quarantined_percent)
        with ThreadPoolExecutor(1, "seal") as writer:
            for period in sorted(map(Period.parse, found)):
                label = str(period)
                mine = pl.col("period") == label
                self._seal(
                    label, found[label], quarantine.filter(mine), remarks.filter(mine), writer
                )
            self._wait()
        return list(map(str, self.sealed.values())), sorted(set(self.order.periods) - set(found))

    def _seal(
        self,
        label: str,
        files: list[Path],
        quarantine: pl.DataFrame,
        remarks: pl.DataFrame,
        writer: Executor,
    ) -> None:
        """Sort a period's rows and hold them together.

        The period before is written meanwhile, and then this one.
        """
        table, said = pl.DataFrame(schema=SCHEMA), list[Finding]()
        kept: pl.DataFrame | None = None
        if files:
            rows, repeated = sort_by_key(pl.concat([pl.read_ipc(f) for f in files]), self.codes)
            if repeated.height:
                quarantine = pl.concat([quarantine, duplicates(repeated, self.codes)])
            rows, left, said = apply_submission_rules(
                rows, self.codes, partial(self._whole, label), self.rules
            )
            quarantine = pl.concat([quarantine, left])
            table = figures(rows, self.codes)
            kept = rows.select(*INDEXED, "value", "status")
        said += findings(remarks, self.rules)
        self._wait()
        self.last = label, kept
        self.writing = writer.submit(self._write, label, kept, table, quarantine, said)

    def _wait(self) -> None:
        """Wait until the period before is written. Raises what its writing raised."""
        if self.writing is not None:
            self.writing.result()

    def _write(
        self,
        label: str,
        kept: pl.DataFrame | None,
        table: pl.DataFrame,
        quarantine: pl.DataFrame,
        said: list[Finding],
    ) -> None:
        counts, withdrawn = self._changes(label, kept, table, quarantine)
        manifest = self._manifest(label, table, quarantine, said + withdrawn, counts)
        place = self.scratch.submission_folder(
            self.calendar, label, self.order.gather, self.order.replay
        )
        seal(place, table, quarantine, manifest)
        self.sealed[label] = place

    def _whole(self, label: str, rows: pl.DataFrame) -> SubmissionView:
        """A submission as the rules see it, beside the period before.

        As sealed just now, or as the hub lends it.
        """
        period, dims = Period.parse(label), self.codes.lists["dims"]
        return SubmissionView(
            self.catalogue,
            self.dataflow,
            period,
            self.calendar,
            dims,
            rows,
            self._figures_before(label),
        )

    def _figures_before(self, label: str) -> pl.LazyFrame | None:
        earlier = str(Period.parse(label).shift(-1))
        if self.last is not None and self.last[0] == earlier:
            return None if self.last[1] is None else self.last[1].lazy()
        folder = self.sealed.get(earlier) or self.order.baseline.get(earlier)
        return indexed(scan_coded(Path(folder) / OBSERVATIONS), self.codes) if folder else None

    def _used(self, label: str) -> list[str]:
        """The content digests of the submissions that a period was held against: its own, and that of the one before.

        Raises SubmissionError where one that the hub lends is not what was sealed.
        """
        baseline, earlier = self.order.baseline, str(Period.parse(label).shift(-1))
        used = [read_manifest(Path(baseline[label])).digests.content] if label in baseline else []
        if earlier in self.contents:
            used.append(self.contents[earlier])
        elif earlier in baseline:
            used.append(read_manifest(Path(baseline[earlier])).digests.content)
        return used

    def _changes(
        self, label: str, kept: pl.DataFrame | None, table: pl.DataFrame, quarantine: pl.DataFrame
    ) -> tuple[dict[str, int], list[Finding]]:
        """How the figures differ from those that stand, and V017 where too many of these are gone."""
        if label not in self.order.baseline:
            return {"new": table.height, "changed": 0, "unchanged": 0, "withdrawn": 0}, []
        standing = Path(self.order.baseline[label]) / OBSERVATIONS
        rows = pl.DataFrame(schema=_KEPT) if kept is None else kept
        counts = changes(scan_coded(standing), rows, self.codes)
        percent, gone = self.dataflow.withdrawn_percent, counts["withdrawn"]
        if gone * 100 <= percent * (gone + counts["changed"] + counts["unchanged"]):
            return counts, []
        return counts, share_withdrawn(scan_figures(standing).collect(), table, quarantine, percent)

    def _manifest(
        self,
        label: str,
        table: pl.DataFrame,
        quarantine: pl.DataFrame,
        said: list[Finding],
        counts: dict[str, int],
    ) -> Manifest:
        order, dataflow = self.order, self.dataflow
        nil = label in self.nil
        found = findings(quarantine, self.rules) + said
        found += (
            share_quarantined(quarantine, table.height, dataflow.quarantined_percent) or self.unread
        )
        rows = quarantine.select("part", "row", "column").n_unique() if quarantine.height else 0
        if nil and (table.height or rows):
            found.append(Finding("V020", Severity.BLOCKING, table.height + rows))
            nil = False  # where somebody accepts it, they are figures
        used, content = self._used(label), content_digest(table, nil=nil)
        self.contents[label] = content
        return Manifest(
            gather=order.gather,
            replay=order.replay,
            sequence=order.sequence,
            origin_start=order.origin_start,
            province=self.province.id,
            provision=order.provision,
            provider=self.declared.provider,
            dataflow=dataflow.id,
            calendar=self.calendar.value,
            period=label,
            kind="nil" if nil else "figures",
            nil=nil,
            sender=self.province.id,
            predecessor=used[0] if label in order.baseline else None,
            lent=used,
            parts=self.parts,
            rows=table.height,
            quarantined=rows,
            counts=counts,
            findings=[self._counted(f) for f in found],
            digests=Digests(
                content=content,
                quarantine=quarantine_digest(quarantine),
                catalogue=self.catalogue.digest,
                mapping=self.province.mapping_digest(order.provision),
                rules=digest(self.rules),
                plugin=self.province.digest,
            ),
            reading=self.reading,
            files={},
            sealed_at=order.now,
        )

    def _counted(self, found: Finding) -> FindingCount:
        text = self.rules[found.code].text
        return FindingCount(
            code=found.code,
            severity=found.severity.value,
            vi=text.vi,
            en=text.en,
            rows=found.rows,
            text=found.text[:200],
            part=found.part,
            row=found.row,
            column=found.column,
            field=found.field,
        )
