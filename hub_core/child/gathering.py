"""One gather in order: collect, land, normalise, validate, seal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import polars as pl

from hub_core.child import Progress
from hub_core.child.batches import batches
from hub_core.child.equipment import Equipment
from hub_core.child.reading import parts_to_read, reading_digest
from hub_core.child.sealing import Sealing
from hub_core.contracts import PayloadPart, Request, RequestedPeriod
from hub_core.errors import HubError, PluginError, SourceChanged, StateError
from hub_core.landing.parts import open_part
from hub_core.landing.scratch import Scratch
from hub_core.model.exchange import Gathered, GatherOrder, Landing, Part
from hub_core.model.formats import LANDINGS
from hub_core.model.period import Period
from hub_core.prefetch import prefetch
from hub_core.stages.collect import collect
from hub_core.stages.land import land

if TYPE_CHECKING:
    from hub_core.config.province import Province
    from hub_core.packages.load import ConnectorRegistry

Arrived = tuple[Part, PayloadPart]
SPOOL = 100_000  # rows that wait before they are written by period
PREFETCHED = 1  # parts fetched ahead of the landing, and landed ahead of the reader


@dataclass
class Counts:
    """Rows of one gather by what became of them."""

    rows: int = 0
    ignored: int = 0
    absent: int = 0


class Gathering:
    """One gather of one provision, from its order to its answer."""

    def __init__(self, order: GatherOrder, progress: Progress) -> None:
        self.order, self.progress = order, progress
        previous_parts = (
            Path(order.previous_landing).parent.parent / "parts" if order.previous_landing else None
        )
        self.scratch = Scratch(Path(order.scratch), order.secrets.values(), previous_parts)

    def run(self, load: Callable[[], tuple[ConnectorRegistry, Province]]) -> Gathered:
        """Gather; an error is part of the answer, beside what was landed before it."""
        try:
            connectors, province = load()
            equipment = Equipment.of(self.order, province, connectors, self.scratch)
        except HubError as error:
            return Gathered(error=error.located(**_place(self.order)).as_dict())
        return _LoadedGather(self.order, self.progress, self.scratch, equipment).run()


def _place(order: GatherOrder) -> dict[str, str]:
    return {"province": order.plugin.name, "provision": order.provision}


class _LoadedGather:
    """A gather whose package, connectors and mapping are loaded."""

    def __init__(
        self, order: GatherOrder, progress: Progress, scratch: Scratch, equipment: Equipment
    ) -> None:
        self.order, self.progress = order, progress
        self.scratch, self.equipment = scratch, equipment
        self.counts = Counts()
        self.parts: list[Part] = []
        self.spool: dict[int, list[Path]] = {}
        self.unspooled: list[pl.DataFrame] = []  # rows that wait to be written by period
        self.nil_periods: set[int | None] = set()  # periods of rows that say nil
        self.nil_beside: set[str] = set()  # periods that nobody asked for
        self.nil_parts = 0  # parts that hold the text of a nil return
        self.fetch_error: HubError | None = None  # what ended the fetching
        self.read_error: HubError | None = None  # what ended the reading

    def run(self) -> Gathered:
        """Gather; an error is part of the answer, beside what was landed before it."""
        order, equipment = self.order, self.equipment
        arriving = self._arriving()  # the system is asked already
        digest = reading_digest(
            order, equipment.province, equipment.catalogue.digest, equipment.rules
        )
        previous = order.previous_reading
        if previous is not None and previous.reading != digest:
            previous = None
        error = self._read_all(arriving, previous.parts if previous else [])
        landing = self._landing()
        if error is None and previous and [part.digest for part in self.parts] == previous.parts:
            no_data = sorted(set(order.periods) - set(previous.periods))
            return Gathered(landing=landing, unchanged=True, no_data=no_data)
        if error is not None:
            return self._failed(landing, error)
        try:
            sealed, no_data = self._sealing(self._stated_nil(), digest)(
                self.spool, equipment.validate.quarantine, equipment.validate.remarked
            )
        except HubError as sealing_error:
            return self._failed(landing, sealing_error)
        return Gathered(
            landing=landing,
            submissions=sealed,
            counts=self._row_counts(),
            no_data=no_data,
            notes=self._notes(sealed),
        )

    def _failed(self, landing: Landing, error: HubError) -> Gathered:
        return Gathered(
            landing=landing,
            counts=self._row_counts(),
            error=error.located(**_place(self.order)).as_dict(),
        )

    def _notes(self, sealed: list[str]) -> list[str]:
        """Say what was reported and not asked for."""
        notes = [
            f"a nil return for {', '.join(sorted(self.nil_beside))}, which was not asked for"
        ] * bool(self.nil_beside)
        if not sealed and self.equipment.validate.not_asked:
            reported = set(self.equipment.codes.lists["period"])
            others = ", ".join(sorted(reported - set(self.order.periods)))
            notes.append(f"every row is of a period that was not asked for: {others}")
        return notes

    def _arriving(self) -> Iterator[Arrived]:
        """Ask the department's system from now on, and return its parts as they arrive.

        A replay returns the parts of its landing instead.
        """
        equipment = self.equipment
        if self.order.replay_of is not None:
            return self._landed(Path(self.order.replay_of))
        periods = [Period.parse(label) for label in self.order.periods]
        requested_periods = tuple(
            RequestedPeriod(str(period), *period.days(equipment.calendar)) for period in periods
        )
        hosts = equipment.province.allowed_hosts
        if "url" in self.order.source:  # the operator's own word counts
            hosts = (*hosts, str(urlsplit(self.order.source["url"]).hostname))
        request = Request(
            requested_periods, hosts, self.order.allow_loopback, equipment.validator_cache
        )
        # while the part before is landed
        payloads = prefetch(collect(equipment.source, request), PREFETCHED)
        return prefetch(land(self.scratch, payloads, equipment.validator_cache.key), PREFETCHED)

    def _landed(self, folder: Path) -> Iterator[Arrived]:
        """Yield the parts of the landing that is read again."""
        path = folder / "gathers" / self.order.gather / "landing.json"
        landing = LANDINGS.read(path.read_bytes())
        if not landing.complete:
            raise StateError(
                f"landing {landing.gather} was cut off and is never sealed: {landing.why}"
            )
        yield from ((part, open_part(folder / "parts", part)) for part in landing.parts)

    def _read_all(self, arriving: Iterator[Arrived], known_digests: list[str]) -> HubError | None:
        """Map what arrives, while more is fetched and read; return what ended it, or None.

        ``known_digests``: of the parts of the gather before. Where reading fails, the rest is
        landed all the same.
        """
        map_error: HubError | None = None
        try:
            for batch in prefetch(batches(self._frames(arriving, known_digests)), 1):
                try:
                    if map_error is None:
                        self._map(batch)
                except HubError as error:
                    map_error = error
                self.progress({"parts": len(self.parts), "rows": self.counts.rows})
        except HubError as error:
            self.fetch_error = error
            return error
        try:
            self._spool_rows()
        except HubError as error:
            map_error = map_error or error
        return map_error or self.read_error

    def _frames(
        self, arriving: Iterator[Arrived], known_digests: list[str]
    ) -> Iterator[pl.DataFrame]:
        """Yield the rows of each part as frames, after the province's own ``prepare``.

        The error of a part that cannot be read is kept, and no later part is read.
        """
        nil_text = self.equipment.declared.nil
        for place, payload in parts_to_read(arriving, self.parts, known_digests, self.scratch.open):
            if self.read_error is not None:
                continue
            if nil_text and nil_text.stands_in(payload.content):
                self.nil_parts += 1
            try:
                yield from self._read(payload, place)
            except HubError as error:
                self.read_error = error.located(part=payload.name)
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - an edge: a reader or prepare may be anybody's code
                what = f"reading raised {type(error).__name__}: {error}"
                self.read_error = PluginError(what, part=payload.name)

    def _read(self, payload: PayloadPart, part: int) -> Iterator[pl.DataFrame]:
        prepare = self.equipment.prepare
        for raw_frame in self.equipment.reader.read(payload):
            frame = self._check_owner(raw_frame)
            prepared_frame = frame if prepare is None else prepare(frame)
            if not isinstance(prepared_frame, pl.DataFrame) or "row" not in prepared_frame.columns:
                raise PluginError(
                    f"prepare {self.equipment.declared.prepare} must give a frame that keeps row"
                )
            yield prepared_frame.with_columns(
                part=pl.lit(part, dtype=pl.UInt32), row=pl.col("row").cast(pl.UInt64)
            )

    def _check_owner(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Check a frame that says whose it is; raise SourceChanged where it is another's."""
        if "#of" not in frame.columns:
            return frame
        own_name = f"{self.equipment.province.id}/{self.order.provision}"
        if others := sorted(set(frame["#of"].unique()) - {own_name}):
            raise SourceChanged(
                f"this is the form of {others[0]}, and {own_name} was asked for its own"
            )
        return frame.drop("#of")

    def _map(self, batch: pl.DataFrame) -> None:
        """Map and check rows."""
        normalised = self.equipment.normalise(batch)
        self.counts.rows += batch.height
        self.counts.ignored += normalised.ignored
        self.counts.absent += normalised.absent
        self.nil_periods |= normalised.nil
        self.unspooled.append(self.equipment.validate(normalised.rows))
        if sum(frame.height for frame in self.unspooled) >= SPOOL:
            self._spool_rows()

    def _spool_rows(self) -> None:
        """Write the rows that wait to disk by period.

        So memory does not grow with the payload.
        """
        if not self.unspooled:
            return
        rows = pl.concat(self.unspooled)
        self.unspooled.clear()
        folder = self.scratch.root / "spool"
        folder.mkdir(exist_ok=True)
        is_one_period = rows.height and rows["period"].min() == rows["period"].max()
        by_period = (
            {(rows["period"][0],): rows}
            if is_one_period
            else rows.partition_by("period", as_dict=True)
        )
        for (index,), period_rows in by_period.items():
            files = self.spool.setdefault(int(index), [])
            path = folder / f"{index}-{len(files)}.arrow"
            period_rows.with_columns(pl.col("column").cast(pl.Categorical)).write_ipc(path)
            files.append(path)

    def _landing(self) -> Landing:
        order = self.order
        landing = Landing(
            gather=order.gather,
            sequence=order.sequence,
            origin_start=order.origin_start,
            province=self.equipment.province.id,
            provision=order.provision,
            periods=order.periods,
            parts=self.parts,
            complete=self.fetch_error is None,
            why=None if self.fetch_error is None else str(self.fetch_error),
            landed_at=order.now,
        )
        if order.replay_of is None:
            self.scratch.commit(landing)
        return landing

    def _stated_nil(self) -> set[str]:
        """Return the periods for which the payload says that there is nothing to report.

        Raises SourceChanged where it does not say for which period.
        """
        requested = self.order.periods
        labels = {
            self.equipment.codes.lists["period"][index]
            for index in self.nil_periods
            if index is not None
        }
        self.nil_beside = labels - set(requested)
        if None in self.nil_periods and len(requested) != 1:
            raise SourceChanged(
                f"a nil return does not say for which period; {', '.join(requested)} were asked for"
            )
        if None in self.nil_periods or (
            self.nil_parts and self.nil_parts == len(self.parts) and not self.counts.rows
        ):
            labels |= set(requested)
        return labels if self.equipment.declared.periods == "all" else labels & set(requested)

    def _sealing(self, nil_periods: set[str], digest: str) -> Sealing:
        equipment = self.equipment
        return Sealing(
            order=self.order,
            scratch=self.scratch,
            province=equipment.province,
            declared=equipment.declared,
            catalogue=equipment.catalogue,
            dataflow=equipment.dataflow,
            calendar=equipment.calendar,
            codes=equipment.codes,
            parts=self.parts,
            rules=equipment.rules,
            nil_periods=nil_periods,
            reading=digest,
        )

    def _row_counts(self) -> dict[str, int]:
        counts = self.counts
        return {
            "rows": counts.rows,
            "ignored": counts.ignored,
            "absent": counts.absent,
            "not_asked": self.equipment.validate.not_asked,
        }
