"""Sealing in a child: what was read becomes one submission for each period."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from hub_core.child.changes import count_changes
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

_INDEXED_ROWS = pl.Schema(
    {**dict.fromkeys(INDEXED, pl.UInt32()), "value": VALUE, "status": pl.UInt32()}
)

if TYPE_CHECKING:
    from hub_core.config.province import Province, Provision
    from hub_core.model.catalogue import Catalogue, Dataflow


@dataclass(kw_only=True)
class Sealing:
    """What every submission of one gather has in common; called, it seals them."""

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
    nil_periods: Collection[str]
    reading: str
    sealed: dict[str, Path] = field(default_factory=dict)  # the folder of each period's submission
    content_digests: dict[str, str] = field(default_factory=dict)  # of what is sealed, by period
    # the period held together last, and its figures
    last_period: tuple[str, pl.DataFrame | None] | None = None
    pending_write: Future[None] | None = None
    # V016, where rows without a period are too many of them all
    unread_findings: list[Finding] = field(default_factory=list)

    def __call__(
        self,
        spool: dict[int, list[Path]],
        quarantined: list[pl.DataFrame],
        remarked: list[pl.DataFrame],
    ) -> tuple[list[str], list[str]]:
        """Seal a submission for each period that has rows or is nil.

        ``spool``: the files of accepted rows by index of their period; ``quarantined``: rows that
        are not admitted; ``remarked``: rows that stay, with what is said of them. Returns the
        folders of the submissions, and the periods asked for that are not there. Raises
        SourceChanged where no row has a period.
        """
        quarantine, remarks = (
            pl.concat(frames) if frames else pl.DataFrame(schema=QUARANTINE_SCHEMA)
            for frames in (quarantined, remarked)
        )
        labels = self.codes.lists["period"]
        files_by_period = {labels[n]: files for n, files in spool.items()}
        for label in [*quarantine["period"].drop_nulls().unique(), *self.nil_periods]:
            files_by_period.setdefault(label, [])
        self._set_unread_aside(quarantine, files_by_period)
        with ThreadPoolExecutor(1, "seal") as writer:
            for period in sorted(map(Period.parse, files_by_period)):
                label = str(period)
                is_of_period = pl.col("period") == label
                self._seal(
                    label,
                    files_by_period[label],
                    quarantine.filter(is_of_period),
                    remarks.filter(is_of_period),
                    writer,
                )
            self._wait()
        no_data = sorted(set(self.order.periods) - set(files_by_period))
        return list(map(str, self.sealed.values())), no_data

    def _set_unread_aside(
        self, quarantine: pl.DataFrame, files_by_period: dict[str, list[Path]]
    ) -> None:
        """Write rows without a period to a file of the gather, and check how many they are.

        Raises SourceChanged where no row has a period.
        """
        unread = quarantine.filter(pl.col("period").is_null())
        if not unread.height:
            return
        unread.write_parquet(self.scratch.gather_folder(self.order.gather) / QUARANTINE)
        if not files_by_period:
            text = unread["text"][0]
            raise SourceChanged(
                f"no row has a period that the mapping can read; the first says {text!r}"
            )
        all_files = [path for files in files_by_period.values() for path in files]
        accepted = sum(pl.scan_ipc(path).select(pl.len()).collect().item() for path in all_files)
        self.unread_findings = share_quarantined(
            quarantine, accepted, self.dataflow.quarantined_percent
        )

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
        table, row_findings = pl.DataFrame(schema=SCHEMA), list[Finding]()
        indexed_rows: pl.DataFrame | None = None
        if files:
            rows, repeated = sort_by_key(pl.concat([pl.read_ipc(f) for f in files]), self.codes)
            if repeated.height:
                quarantine = pl.concat([quarantine, duplicates(repeated, self.codes)])
            rows, refused, row_findings = apply_submission_rules(
                rows, self.codes, partial(self._view, label), self.rules
            )
            quarantine = pl.concat([quarantine, refused])
            table = figures(rows, self.codes)
            indexed_rows = rows.select(*INDEXED, "value", "status")
        row_findings += findings(remarks, self.rules)
        self._wait()
        self.last_period = label, indexed_rows
        self.pending_write = writer.submit(
            self._write, label, indexed_rows, table, quarantine, row_findings
        )

    def _wait(self) -> None:
        """Wait until the period before is written. Raises what its writing raised."""
        if self.pending_write is not None:
            self.pending_write.result()

    def _write(
        self,
        label: str,
        indexed_rows: pl.DataFrame | None,
        table: pl.DataFrame,
        quarantine: pl.DataFrame,
        row_findings: list[Finding],
    ) -> None:
        counts, withdrawn = self._changes(label, indexed_rows, table, quarantine)
        manifest = self._manifest(label, table, quarantine, row_findings + withdrawn, counts)
        place = self.scratch.submission_folder(
            self.calendar, label, self.order.gather, self.order.replay
        )
        seal(place, table, quarantine, manifest)
        self.sealed[label] = place

    def _view(self, label: str, rows: pl.DataFrame) -> SubmissionView:
        """Return a submission as the rules see it, beside the figures of the period before.

        These were sealed just now, or the hub names their folder in the order.
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
        if self.last_period is not None and self.last_period[0] == earlier:
            return None if self.last_period[1] is None else self.last_period[1].lazy()
        folder = self.sealed.get(earlier) or self.order.baseline.get(earlier)
        return indexed(scan_coded(Path(folder) / OBSERVATIONS), self.codes) if folder else None

    def _used_digests(self, label: str) -> list[str]:
        """Return the content digests of the submissions that a period was held against.

        These are the current one of the period itself, and that of the period before. Raises
        SubmissionError where one that the order names is not what was sealed.
        """
        baseline, earlier = self.order.baseline, str(Period.parse(label).shift(-1))
        used = [read_manifest(Path(baseline[label])).digests.content] if label in baseline else []
        if earlier in self.content_digests:
            used.append(self.content_digests[earlier])
        elif earlier in baseline:
            used.append(read_manifest(Path(baseline[earlier])).digests.content)
        return used

    def _changes(
        self,
        label: str,
        indexed_rows: pl.DataFrame | None,
        table: pl.DataFrame,
        quarantine: pl.DataFrame,
    ) -> tuple[dict[str, int], list[Finding]]:
        """Count how the figures differ from the current ones; V017 where too many are withdrawn."""
        if label not in self.order.baseline:
            return {"new": table.height, "changed": 0, "unchanged": 0, "withdrawn": 0}, []
        current = Path(self.order.baseline[label]) / OBSERVATIONS
        rows = pl.DataFrame(schema=_INDEXED_ROWS) if indexed_rows is None else indexed_rows
        counts = count_changes(scan_coded(current), rows, self.codes)
        percent, withdrawn = self.dataflow.withdrawn_percent, counts["withdrawn"]
        if withdrawn * 100 <= percent * (withdrawn + counts["changed"] + counts["unchanged"]):
            return counts, []
        return counts, share_withdrawn(scan_figures(current).collect(), table, quarantine, percent)

    def _manifest(
        self,
        label: str,
        table: pl.DataFrame,
        quarantine: pl.DataFrame,
        row_findings: list[Finding],
        counts: dict[str, int],
    ) -> Manifest:
        order, dataflow = self.order, self.dataflow
        nil = label in self.nil_periods
        all_findings = findings(quarantine, self.rules) + row_findings
        all_findings += (
            share_quarantined(quarantine, table.height, dataflow.quarantined_percent)
            or self.unread_findings
        )
        rows = quarantine.select("part", "row", "column").n_unique() if quarantine.height else 0
        if nil and (table.height or rows):
            all_findings.append(Finding("V020", Severity.BLOCKING, table.height + rows))
            nil = False  # where somebody accepts it, they are figures
        used, content = self._used_digests(label), content_digest(table, nil=nil)
        self.content_digests[label] = content
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
            findings=[self._finding_count(f) for f in all_findings],
            digests=self._digests(content, quarantine),
            reading=self.reading,
            files={},
            sealed_at=order.now,
        )

    def _digests(self, content: str, quarantine: pl.DataFrame) -> Digests:
        return Digests(
            content=content,
            quarantine=quarantine_digest(quarantine),
            catalogue=self.catalogue.digest,
            mapping=self.province.mapping_digest(self.order.provision),
            rules=digest(self.rules),
            plugin=self.province.digest,
        )

    def _finding_count(self, finding: Finding) -> FindingCount:
        text = self.rules[finding.code].text
        return FindingCount(
            code=finding.code,
            severity=finding.severity.value,
            vi=text.vi,
            en=text.en,
            rows=finding.rows,
            text=finding.text[:200],
            part=finding.part,
            row=finding.row,
            column=finding.column,
            field=finding.field,
        )
