"""Sealing in a child: what was read becomes one submission for each period."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from hub_core.errors import SourceChanged
from hub_core.landing import OBSERVATIONS, QUARANTINE, Scratch, read_manifest
from hub_core.model.exchange import Digests, FindingCount, GatherOrder, Manifest, Part
from hub_core.model.finding import Finding
from hub_core.model.observation import QUARANTINE as QUARANTINE_SCHEMA
from hub_core.model.observation import SCHEMA, compare, content_digest, quarantine_digest
from hub_core.model.period import Calendar
from hub_core.rules import Rule, digest
from hub_core.stages.seal import seal
from hub_core.stages.validate import (
    Codes,
    duplicates,
    figures,
    findings,
    share_quarantined,
    share_withdrawn,
    sort_by_key,
)

if TYPE_CHECKING:
    from hub_core.model.catalogue import Catalogue, Dataflow
    from hub_core.province import Province, Provision


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

    def __call__(
        self, spool: dict[int, list[Path]], left: list[pl.DataFrame], remarked: list[pl.DataFrame]
    ) -> tuple[list[str], list[str]]:
        """A submission for each period found, and the periods asked for that are not there.

        ``spool``: the files of accepted rows by index of their period; ``left``: quarantined rows;
        ``remarked``: rows that stay, with what is said of them.
        """
        quarantine, self.remarks = (
            pl.concat(each) if each else pl.DataFrame(schema=QUARANTINE_SCHEMA) for each in (left, remarked)
        )
        labels = self.codes.lists["period"]
        unread = quarantine.filter(pl.col("period").is_null())
        if unread.height:
            unread.write_parquet(self.scratch.gather_folder(self.order.gather) / QUARANTINE)
        found = {labels[n]: files for n, files in spool.items()}
        for label in quarantine["period"].drop_nulls().unique():
            found.setdefault(label, [])
        if unread.height and not found:
            text = unread["text"][0]
            raise SourceChanged(f"no row has a period that the mapping can read; the first says {text!r}")
        sealed = [
            self._seal(label, found[label], quarantine.filter(pl.col("period") == label), unread)
            for label in sorted(found)
        ]
        return sealed, sorted(set(self.order.periods) - set(found))

    def _seal(self, label: str, files: list[Path], quarantine: pl.DataFrame, unread: pl.DataFrame) -> str:
        table = pl.DataFrame(schema=SCHEMA)
        if files:
            kept, repeated = sort_by_key(pl.concat([pl.read_ipc(f) for f in files]), self.codes)
            if repeated.height:
                quarantine = pl.concat([quarantine, duplicates(repeated, self.codes)])
            table = figures(kept, self.codes)
            del kept, repeated  # ten million rows are sealed in as much memory as the figures themselves take
        current = pl.read_parquet(Path(self.order.lent[label]) / OBSERVATIONS) if label in self.order.lent else None
        manifest = self._manifest(label, table, quarantine, unread, current)
        place = self.scratch.submission_folder(self.calendar, label, self.order.gather, self.order.replay)
        seal(place, table, quarantine, manifest)
        return str(place)

    def _manifest(
        self,
        label: str,
        table: pl.DataFrame,
        quarantine: pl.DataFrame,
        unread: pl.DataFrame,
        current: pl.DataFrame | None,
    ) -> Manifest:
        order, dataflow = self.order, self.dataflow
        lost = pl.concat([quarantine, unread])
        remarks = self.remarks.filter(pl.col("period") == label)
        found = findings(pl.concat([quarantine, remarks]), self.rules) + share_quarantined(
            lost, table.height, dataflow.quarantined_percent
        )
        before = current if current is not None else table.clear()
        if current is not None:
            found += share_withdrawn(current, table, quarantine, dataflow.withdrawn_percent)
        lent = read_manifest(Path(order.lent[label])).digests.content if current is not None else None
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
            sender=self.province.id,
            predecessor=lent,
            lent=[lent] if lent else [],
            parts=self.parts,
            rows=table.height,
            quarantined=quarantine.select("part", "row", "column").n_unique() if quarantine.height else 0,
            counts=compare(before, table),
            findings=[self._counted(f) for f in found],
            digests=Digests(
                content=content_digest(table),
                quarantine=quarantine_digest(quarantine),
                catalogue=self.catalogue.digest,
                mapping=self.province.mapping_digest(order.provision),
                rules=digest(self.rules),
                plugin=self.province.digest(),
            ),
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
        )
