"""A hub's home, opened: its configuration, database, landing zone, engine and provinces."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hub_core import locks, structures
from hub_core.config import operator as configuration
from hub_core.config import province
from hub_core.config.settings import has_worked
from hub_core.engine.engine import Engine
from hub_core.errors import HubError, PluginError, StoreError, SubmissionError
from hub_core.landing.layout import OBSERVATIONS, read_manifest
from hub_core.landing.scratch import Scratch
from hub_core.landing.zone import LandingZone
from hub_core.model.exchange import Landing
from hub_core.packages import installed, load
from hub_core.secrets import Secrets
from hub_core.store.leases import Leases
from hub_core.store.releases import Releases
from hub_core.store.runs import Runs
from hub_core.store.store import Store

if TYPE_CHECKING:
    import polars as pl

    from hub_core.config.operator import Config
    from hub_core.config.province import Province
    from hub_core.model.catalogue import Catalogue
    from hub_core.model.exchange import Manifest, Plugin
    from hub_core.store.revisions import Submission

_LOCK = "hub.lock"
GATHERS = "gather "  # what leases on provisions are called: ``gather nghe_an/telecom``


@dataclass(kw_only=True)
class Hub:
    """A hub's home, opened."""

    config: Config
    store: Store
    zone: LandingZone
    engine: Engine
    leases: Leases
    plugins: dict[str, Plugin]  # the packages found, by province
    broken: dict[str, str]  # what is wrong with the others
    provinces: dict[str, Province] = field(default_factory=dict)
    _snapshots: dict[str, Catalogue] = field(default_factory=dict)

    @classmethod
    def open(cls, home: Path, engine: Engine) -> Hub:
        """Open a home. Raises ConfigurationError or StoreError.

        A province that is broken is named in ``broken``, and raises nothing.
        """
        config = configuration.load(home)
        engine.configure(config)
        plugins, broken = load.find(config.plugin_folders, config.home)
        store = Store(config.database, begun=has_worked(config.home, config.settings))
        holder = f"{socket.gethostname()}:{config.home}"
        hub = cls(
            config=config,
            store=store,
            zone=LandingZone(config.landing),
            engine=engine,
            leases=Leases(store, holder),
            plugins=plugins,
            broken=broken,
        )
        for name, plugin in plugins.items():
            try:
                declared = province.read(Path(plugin.root))
                if declared.id != name:
                    raise PluginError(
                        f"{plugin.root}: entry point {name} declares province {declared.id}"
                    )
                hub.provinces[name] = declared
            except HubError as error:
                broken[name] = str(error)
        return hub

    @property
    def releases(self) -> Releases:
        """The releases of its store."""
        return Releases(self.store)

    @property
    def runs(self) -> Runs:
        """The runs of its store."""
        return Runs(self.store)

    @property
    def secrets(self) -> Secrets:
        """What provisions and deliveries refer to as ``secret:NAME``."""
        return Secrets.of(self.config)

    def catalogue_of(self, digest: str) -> Catalogue:
        """Return the catalogue of a digest, as it was kept when it was in use.

        Raises StoreError where it is not there.
        """
        if digest == self.config.catalogue.digest:
            return self.config.catalogue
        if digest not in self._snapshots:
            path = self.config.home / "catalogues" / f"{digest}.json"
            if not path.exists():
                raise StoreError(f"catalogue {digest} is not kept in {path.parent}")
            self._snapshots[digest] = structures.open_snapshot(path)
        return self._snapshots[digest]

    def changed_units(
        self, catalogue: Catalogue, submissions: list[Submission]
    ) -> list[dict[str, str]]:
        """List the indicators that were counted in another unit when each submission was made.

        Each indicator has that unit. Nothing is known of a submission that was made elsewhere with
        a catalogue which is not kept here.
        """
        units_by_catalogue: dict[str, dict[str, str]] = {catalogue.digest: {}}
        for digest in {submission.catalogue_digest for submission in submissions} - set(
            units_by_catalogue
        ):
            try:
                units_by_catalogue[digest] = catalogue.counted_otherwise(self.catalogue_of(digest))
            except StoreError:
                units_by_catalogue[digest] = {}
        return [units_by_catalogue[submission.catalogue_digest] for submission in submissions]

    def verified_manifest(self, submission: Submission) -> Manifest:
        """Return the manifest of a revision, held against its files and its row.

        Raises StoreError where they do not agree.
        """
        place = {
            "province": submission.province,
            "provision": submission.provision,
            "period": submission.period,
        }
        try:
            manifest = read_manifest(self.zone.root / submission.path)
        except SubmissionError as error:
            raise StoreError(f"{error.message}: {_how_to_restore(submission)}", **place) from error
        if manifest.digests.content != submission.content_digest:
            what = (
                f"{self.zone.root / submission.path} says another content digest than the database"
            )
            raise StoreError(f"{what}: {_how_to_restore(submission)}", **place)
        return manifest

    def is_damaged(self, submission: Submission) -> bool:
        """Tell whether a revision is not what was admitted; its figures are used for nothing."""
        try:
            self.verified_manifest(submission)
        except StoreError:
            return True
        return False

    def observations(self, catalogue: Catalogue, submissions: list[Submission]) -> pl.LazyFrame:
        """Return the figures of submissions, each with ``source``, its place in the list.

        Figures in a unit that the catalogue no longer counts in are left out. Raises StoreError
        where a submission is not what was admitted.
        """
        import polars as pl

        for submission in submissions:
            self.verified_manifest(submission)
        frames = figures_of([self.zone.root / submission.path for submission in submissions])
        for n, old_units in enumerate(self.changed_units(catalogue, submissions)):
            if old_units:
                frames = frames.filter((pl.col("source") != n) | ~_is_in_units(old_units))
        return frames

    def submissions_in_old_units(
        self, catalogue: Catalogue, submissions: list[Submission]
    ) -> Iterator[tuple[Submission, str]]:
        """Yield the submissions with figures in a unit that the catalogue no longer counts in.

        Each comes with a text that names these figures and says what is to be done.
        """
        import polars as pl

        for submission, old_units in zip(
            submissions, self.changed_units(catalogue, submissions), strict=True
        ):
            if not old_units:
                continue
            old_figures = figures_of([self.zone.root / submission.path]).filter(
                _is_in_units(old_units)
            )
            codes = old_figures.select(pl.col("indicator").unique().sort()).collect().to_series()
            if len(codes):
                units = ", ".join(
                    f"{c} in {old_units[c]}, now {catalogue.indicators[c].unit}" for c in codes
                )
                what = f"{submission.provision} {submission.period} revision {submission.revision} has {units}"
                again = (
                    f"hub replay {submission.province} {submission.provision} {submission.gather}"
                )
                yield submission, f"{what}: let its package say the unit (value.unit), then {again}"

    def close(self) -> None:
        """Let go of children, leases and database."""
        self.engine.close()
        self.leases.close()
        self.store.close()

    @contextmanager
    def alone(self, now: datetime) -> Iterator[None]:
        """Hold the home for one journey, and clear up after a hub that was killed.

        Raises StateError where another hub holds it.
        """
        with locks.held(self.config.home / _LOCK, "another hub is at work in this home"):
            self.runs.interrupt(now, self._gathers_elsewhere())
            self._clear_up(now)
            installed.remove_leftovers(
                self.config.home, {Path(p.folder).parent for p in self.plugins.values() if p.folder}
            )
            try:
                yield
            except BaseException:
                self.runs.interrupt(now, self._gathers_elsewhere())
                raise

    def _gathers_elsewhere(self) -> set[tuple[str, str]]:
        """Return the (province, provision) that hubs of other homes are at work on."""
        names = (
            name for name, holder in self.leases.live().items() if holder != self.leases.holder
        )
        return {
            (p, n)
            for name in names
            if name.startswith(GATHERS)
            for p, n in [name[len(GATHERS) :].split("/")]
        }

    def at_work(self) -> bool:
        """Tell whether a hub works on this home or its database at this moment.

        It holds the home, or it is one of another home on the same database.
        """
        if set(self.leases.live().values()) - {self.leases.holder}:
            return True
        return locks.is_held(self.config.home / _LOCK)

    def _clear_up(self, now: datetime) -> None:
        """Keep the landing of a killed gather, for people to see.

        The rest of its scratch folder is removed.
        """
        for folder in sorted((self.config.home / "scratch").glob("*")):
            if not folder.is_dir() or folder.is_symlink():
                folder.unlink()  # nobody of ours made it
                continue
            gather, _, replay = folder.name.rpartition("-")
            run = self.runs.of(gather)
            if (
                run is not None
                and replay == "0"
                and gather not in self.zone.landings(run["province"], run["provision"])
            ):
                landing = Landing(
                    gather=gather,
                    sequence=int(gather.rpartition("-")[2]),
                    origin_start=self.config.settings.origin_start,
                    province=run["province"],
                    provision=run["provision"],
                    periods=run["periods"],
                    parts=Scratch(folder).landed(
                        self.zone.parts(run["province"], run["provision"])
                    ),
                    complete=False,
                    why="the hub ended in the middle",
                    landed_at=now,
                )
                try:
                    self.zone.adopt_landing(folder, landing)
                except StoreError as error:
                    if isinstance(error.__cause__, OSError):
                        # the landing zone takes nothing: it stays where it is, and hub doctor names
                        # it
                        continue
            shutil.rmtree(folder)


def _how_to_restore(submission: Submission) -> str:
    again = f"hub replay {submission.province} {submission.provision} {submission.gather}"
    return f"bring it back from a backup (hub restore into another folder), or make another revision with {again}"


def figures_of(paths: list[Path]) -> pl.LazyFrame:
    """Return the figures of many sealed submissions as one lazy frame.

    Each row has ``source``, its submission's place in the list.
    """
    import polars as pl

    from hub_core.model.observation import CODED, scan_coded

    if not paths:
        return pl.LazyFrame(schema={**CODED, "source": pl.UInt32()})
    frames = [
        scan_coded(path / OBSERVATIONS).with_columns(source=pl.lit(n, dtype=pl.UInt32))
        for n, path in enumerate(paths)
    ]
    return pl.concat(frames)


def _is_in_units(units: dict[str, str]) -> pl.Expr:
    """Select figures of these indicators; zero and no value are the same in any unit."""
    import polars as pl

    return pl.col("indicator").is_in(list(units)) & (pl.col("value") != 0).fill_null(value=False)
