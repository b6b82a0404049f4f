"""One gather in order: collect, land, normalise, validate, seal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import polars as pl

from hub_core import rules
from hub_core.child import Progress
from hub_core.child.batches import batches
from hub_core.child.preparing import prepared
from hub_core.child.reading import reading, to_read
from hub_core.child.sealing import Sealing
from hub_core.child.validator_cache import ValidatorCache
from hub_core.config.province import with_secrets
from hub_core.contracts import PayloadPart, Reader, Request, RequestedPeriod, Source
from hub_core.errors import HubError, PluginError, SourceChanged, StateError
from hub_core.landing.parts import open_part
from hub_core.landing.scratch import Scratch
from hub_core.model.exchange import Gathered, GatherOrder, Landing, Part
from hub_core.model.formats import LANDINGS
from hub_core.model.period import Calendar, Period
from hub_core.prefetch import prefetch
from hub_core.stages.collect import collect
from hub_core.stages.land import land
from hub_core.stages.normalise import Normaliser
from hub_core.stages.validate import Codes, Validator
from hub_core.structures import open_snapshot

if TYPE_CHECKING:
    from hub_core.config.province import Province, Provision
    from hub_core.model.catalogue import Dataflow
    from hub_core.packages.load import ConnectorRegistry

Arrived = tuple[Part, PayloadPart]
SPOOL = 100_000  # rows held before they are set down by period
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
        kept = (
            Path(order.previous_landing).parent.parent / "parts" if order.previous_landing else None
        )
        self.scratch = Scratch(Path(order.scratch), order.secrets.values(), kept)
        self.counts = Counts()
        self.parts: list[Part] = []
        self.spool: dict[int, list[Path]] = {}
        self.held: list[pl.DataFrame] = []
        self.nil: set[int | None] = set()  # periods of rows that say nil
        self.nil_beside: set[str] = set()  # periods that nobody asked for
        self.nil_parts = 0  # parts that hold the text of a nil return
        self.cut_off: HubError | None = None  # what ended the fetching
        self.unread: HubError | None = None  # what ended the reading

    def run(self, loaded: Callable[[], tuple[ConnectorRegistry, Province]]) -> Gathered:
        """Gather; an error is part of the answer, beside what was landed before it."""
        try:
            connectors, self.province = loaded()
            self._make_ready(connectors)
        except HubError as error:
            return Gathered(error=error.located(**self._place).as_dict())
        arriving = self._arriving()  # the system is asked already
        self.reading = reading(self.order, self.province, self.catalogue.digest, self.rules)
        previous = self.order.previous_reading
        if previous is not None and previous.reading != self.reading:
            previous = None
        self.known_parts = previous.parts if previous else []
        why = self._read_all(arriving)
        landing = self._landing()
        if why is None and previous and [part.digest for part in self.parts] == previous.parts:
            no_data = sorted(set(self.order.periods) - set(previous.periods))
            return Gathered(landing=landing, unchanged=True, no_data=no_data)
        if why is not None:
            return Gathered(
                landing=landing, counts=self._counted(), error=why.located(**self._place).as_dict()
            )
        try:
            sealed, no_data = self._sealing(self._nil())(
                self.spool, self.validate.quarantine, self.validate.remarked
            )
        except HubError as error:
            return Gathered(
                landing=landing,
                counts=self._counted(),
                error=error.located(**self._place).as_dict(),
            )
        notes = [
            f"a nil return for {', '.join(sorted(self.nil_beside))}, which was not asked for"
        ] * bool(self.nil_beside)
        if not sealed and self.validate.not_asked:
            there = ", ".join(sorted(set(self.codes.lists["period"]) - set(self.order.periods)))
            notes.append(f"every row is of a period that was not asked for: {there}")
        return Gathered(
            landing=landing,
            submissions=sealed,
            counts=self._counted(),
            no_data=no_data,
            notes=notes,
        )

    @property
    def _place(self) -> dict[str, str]:
        return {"province": self.order.plugin.name, "provision": self.order.provision}

    def _make_ready(self, connectors: ConnectorRegistry) -> None:
        order = self.order
        self.catalogue = open_snapshot(Path(order.catalogue))
        if order.provision not in self.province.provisions:
            raise PluginError(f"the package has no provision {order.provision}")
        self.declared: Provision = self.province.provisions[order.provision]
        self.dataflow: Dataflow = self.catalogue.dataflows[self.declared.dataflow]
        self.calendar = Calendar(self.declared.calendar or self.dataflow.calendar)
        where = f"{order.provision}.toml"
        told = self.declared.source | order.source
        self.source: Source = connectors.make(
            Source, with_secrets(told, order.secrets), f"{where} [source]"
        )
        self.validator_cache = ValidatorCache(order, told, self.scratch)
        self.reader: Reader = connectors.make(Reader, self.declared.reader, f"{where} [reader]")
        self.prepare = prepared(self.declared.prepare)
        self.normalise = Normaliser(self.province, order.provision, self.catalogue, self.calendar)
        n = self.normalise
        lists = {
            "indicator": n.indicators.codes,
            "org_unit": n.org_units.codes,
            "period": n.periods.codes,
            "measure": n.measures.codes,
            "dims": n.dims.codes,
            "status": n.statuses.codes,
        }
        self.codes = Codes(self.calendar, lists)
        reporting_scope = frozenset(order.speaks_for), frozenset(order.indicators)
        limits = rules.RuleContext(self.catalogue, *reporting_scope, self.calendar, n.periods.codes)
        asked = None if self.declared.periods == "all" else order.periods
        self.rules = connectors.rules
        self.validate = Validator(limits, self.codes, asked, self.rules)

    def _arriving(self) -> Iterator[Arrived]:
        """The parts from the department's system, which is asked from now on.

        Or those of a landing read again.
        """
        if self.order.replay_of is not None:
            return self._landed(Path(self.order.replay_of))
        periods = [Period.parse(label) for label in self.order.periods]
        asked = tuple(RequestedPeriod(str(p), *p.days(self.calendar)) for p in periods)
        hosts = self.province.allowed_hosts
        if "url" in self.order.source:  # the operator's own word counts
            hosts = (*hosts, str(urlsplit(self.order.source["url"]).hostname))
        request = Request(asked, hosts, self.order.allow_loopback, self.validator_cache)
        payloads = prefetch(
            collect(self.source, request), PREFETCHED
        )  # while the part before is landed
        return prefetch(land(self.scratch, payloads, self.validator_cache.key), PREFETCHED)

    def _landed(self, folder: Path) -> Iterator[Arrived]:
        """The parts of the landing that is read again."""
        path = folder / "gathers" / self.order.gather / "landing.json"
        landing = LANDINGS.read(path.read_bytes())
        if not landing.complete:
            raise StateError(
                f"landing {landing.gather} was cut off and is never sealed: {landing.why}"
            )
        yield from ((part, open_part(folder / "parts", part)) for part in landing.parts)

    def _read_all(self, arriving: Iterator[Arrived]) -> HubError | None:
        """Map what arrives, while more is fetched and read.

        Where reading fails, the rest is landed all the same.
        """
        unread: HubError | None = None
        try:
            for batch in prefetch(batches(self._frames(arriving)), 1):
                try:
                    if unread is None:
                        self._map(batch)
                except HubError as error:
                    unread = error
                self.progress({"parts": len(self.parts), "rows": self.counts.rows})
        except HubError as error:
            self.cut_off = error
            return error
        try:
            self._set_down()
        except HubError as error:
            unread = unread or error
        return unread or self.unread

    def _frames(self, arriving: Iterator[Arrived]) -> Iterator[pl.DataFrame]:
        """The rows of each part as frames, after the province's own ``prepare``.

        A part that does not read is noted.
        """
        for place, payload in to_read(arriving, self.parts, self.known_parts, self.scratch.open):
            if self.unread is not None:
                continue
            if self.declared.nil and self.declared.nil.stands_in(payload.content):
                self.nil_parts += 1
            try:
                yield from self._read(payload, place)
            except HubError as error:
                self.unread = error.located(part=payload.name)
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - an edge: a reader or prepare may be anybody's code
                what = f"reading raised {type(error).__name__}: {error}"
                self.unread = PluginError(what, part=payload.name)

    def _read(self, payload: PayloadPart, part: int) -> Iterator[pl.DataFrame]:
        for each in self.reader.read(payload):
            frame = self._own(each)
            made = frame if self.prepare is None else self.prepare(frame)
            if not isinstance(made, pl.DataFrame) or "row" not in made.columns:
                raise PluginError(
                    f"prepare {self.declared.prepare} must give a frame that keeps row"
                )
            yield made.with_columns(
                part=pl.lit(part, dtype=pl.UInt32), row=pl.col("row").cast(pl.UInt64)
            )

    def _own(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A frame that says whose it is, checked. Raises SourceChanged where it is another's."""
        if "#of" not in frame.columns:
            return frame
        mine = f"{self.province.id}/{self.order.provision}"
        if others := sorted(set(frame["#of"].unique()) - {mine}):
            raise SourceChanged(
                f"this is the form of {others[0]}, and {mine} was asked for its own"
            )
        return frame.drop("#of")

    def _map(self, batch: pl.DataFrame) -> None:
        """Map and check rows."""
        normalised = self.normalise(batch)
        self.counts.rows += batch.height
        self.counts.ignored += normalised.ignored
        self.counts.absent += normalised.absent
        self.nil |= normalised.nil
        self.held.append(self.validate(normalised.rows))
        if sum(frame.height for frame in self.held) >= SPOOL:
            self._set_down()

    def _set_down(self) -> None:
        """Set the held rows down on disk by period, so that memory does not grow with the payload."""
        if not self.held:
            return
        rows = pl.concat(self.held)
        self.held.clear()
        folder = self.scratch.root / "spool"
        folder.mkdir(exist_ok=True)
        one = rows.height and rows["period"].min() == rows["period"].max()
        by_period = (
            {(rows["period"][0],): rows} if one else rows.partition_by("period", as_dict=True)
        )
        for (index,), each in by_period.items():
            files = self.spool.setdefault(int(index), [])
            path = folder / f"{index}-{len(files)}.arrow"
            each.with_columns(pl.col("column").cast(pl.Categorical)).write_ipc(path)
            files.append(path)

    def _landing(self) -> Landing:
        order = self.order
        landing = Landing(
            gather=order.gather,
            sequence=order.sequence,
            origin_start=order.origin_start,
            province=self.province.id,
            provision=order.provision,
            periods=order.periods,
            parts=self.parts,
            complete=self.cut_off is None,
            why=None if self.cut_off is None else str(self.cut_off),
            landed_at=order.now,
        )
        if order.replay_of is None:
            self.scratch.commit(landing)
        return landing

    def _nil(self) -> set[str]:
        """The periods for which the payload says that there is nothing to report.

        Raises SourceChanged.
        """
        asked = self.order.periods
        labels = {self.codes.lists["period"][index] for index in self.nil if index is not None}
        self.nil_beside = labels - set(asked)
        if None in self.nil and len(asked) != 1:
            raise SourceChanged(
                f"a nil return does not say for which period; {', '.join(asked)} were asked for"
            )
        if None in self.nil or (
            self.nil_parts and self.nil_parts == len(self.parts) and not self.counts.rows
        ):
            labels |= set(asked)
        return labels if self.declared.periods == "all" else labels & set(asked)

    def _sealing(self, nil: set[str]) -> Sealing:
        return Sealing(
            self.order,
            self.scratch,
            self.province,
            self.declared,
            self.catalogue,
            self.dataflow,
            self.calendar,
            self.codes,
            self.parts,
            self.rules,
            nil,
            self.reading,
        )

    def _counted(self) -> dict[str, int]:
        counts = self.counts
        return {
            "rows": counts.rows,
            "ignored": counts.ignored,
            "absent": counts.absent,
            "not_asked": self.validate.not_asked,
        }
