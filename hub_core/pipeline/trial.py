"""A trial: a local file read by a provision as a night would read it, and nothing stored."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub_core.config.province import secrets_named
from hub_core.contracts import PayloadPart
from hub_core.errors import StateError, StoreError, from_dict
from hub_core.landing.layout import OBSERVATIONS, read_manifest
from hub_core.landing.scratch import Scratch
from hub_core.model.exchange import Gathered, GatherOrder, Landing
from hub_core.model.observation import plain, scan_figures
from hub_core.obligations import reporting_scope_of
from hub_core.pipeline.attempt import Task
from hub_core.pipeline.baseline import baseline_submissions
from hub_core.pipeline.places import located, place_of
from hub_core.pipeline.quarantine import quarantined
from hub_core.rules import RULES

if TYPE_CHECKING:
    from hub_core.config.operator import Config
    from hub_core.config.province import Provision
    from hub_core.home import Hub
    from hub_core.model.exchange import Manifest, Plugin

_MEDIA = {".csv": "text/csv", ".json": "application/json", ".xls": "application/vnd.ms-excel"}
_TOLD = ("indicator", "org_unit", "period", "measure", "dims", "value", "status")


@dataclass
class Trial:
    """What came of a trial: figures and rows left out, each with its place, and what was found."""

    figures: list[dict[str, Any]] = field(default_factory=list)
    left: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    nil: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    no_data: list[str] = field(default_factory=list)
    error: str | None = None


def order(
    config: Config,
    plugin: Plugin,
    provision: tuple[str, Provision],
    files: list[Path],
    periods: list[str],
    folder: Path,
    now: datetime,
) -> GatherOrder:
    """The order to a child to read local files as if they had been landed; they are, in ``folder``.

    Raises StoreError where a file cannot be read.
    """
    name, declared = provision
    reporting_scope = reporting_scope_of(config, plugin.name, declared.provider, declared.dataflow)
    landed = Scratch(folder / "landed")
    try:
        parts = [
            landed.land(
                PayloadPart(path.read_bytes(), _MEDIA.get(path.suffix, ""), path.name, path.name)
            )
            for path in files
        ]
    except OSError as error:
        raise StoreError(f"{error.filename} cannot be read: {error.strerror}") from error
    start = config.settings.origin_start
    gather = f"{start:%Y%m%d}-00000001"
    told: dict[str, Any] = {
        "gather": gather,
        "sequence": 1,
        "origin_start": start,
        "periods": periods,
    }
    landed.commit(
        Landing(
            **told, province=plugin.name, provision=name, parts=parts, complete=True, landed_at=now
        )
    )
    return GatherOrder(
        **told,
        replay=1,
        plugin=plugin,
        trusted=config.settings.plugins.trusted,
        provision=name,
        catalogue=str(config.snapshot()),
        speaks_for=sorted(reporting_scope.org_units),
        indicators=sorted(reporting_scope.indicators),
        secrets=dict.fromkeys(secrets_named(declared.source), "unused"),
        scratch=str(folder / "scratch"),
        replay_of=str(folder / "landed"),
        now=now,
    )


def try_file(
    hub: Hub, province: str, provision: str, file: Path, periods: list[str], now: datetime
) -> Trial:
    """Read one local file by a provision, beside the figures that are current; store nothing."""
    if province not in hub.provinces or provision not in hub.provinces[province].provisions:
        known = [
            f"{name}/{each}"
            for name, told in sorted(hub.provinces.items())
            for each in sorted(told.provisions)
        ]
        raise StateError(
            f"no provision {province}/{provision}; there are {', '.join(known) or 'none'}"
        )
    declared = hub.provinces[province].provisions[provision]
    asked = periods or ([] if isinstance(declared.periods, str) else declared.periods)
    if not asked and declared.periods != "all":
        raise StateError(
            f"{provision}.toml reads the periods that are asked for: say which (--period)"
        )
    folder = Path(tempfile.mkdtemp(prefix="hub-trial-"))
    try:
        made = order(
            hub.config, hub.plugins[province], (provision, declared), [file], asked, folder, now
        )
        made = made.model_copy(
            update={"baseline": baseline_submissions(hub, Task(province, provision, asked))}
        )
        [answer] = hub.engine.ask(
            [made.model_dump(mode="json")], hub.config.settings.gather.seconds
        )
        return _told(hub, province, provision, Gathered.model_validate(answer), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _told(hub: Hub, province: str, provision: str, gathered: Gathered, folder: Path) -> Trial:
    trial = Trial(counts=gathered.counts, no_data=gathered.no_data, notes=gathered.notes)
    if gathered.error is not None:
        trial.error = str(from_dict(gathered.error))
    parts = gathered.landing.parts if gathered.landing else []
    for each in map(Path, gathered.submissions):
        manifest = read_manifest(each)
        if manifest.nil:
            trial.nil.append(manifest.period)
        trial.findings += [f.model_dump() | {"period": manifest.period} for f in manifest.findings]
        trial.figures += _figures(each)
        trial.left += [row | _words(manifest, row["code"]) for row in quarantined(each)]
    unread = folder / "scratch" / "gathers" / f"{hub.config.settings.origin_start:%Y%m%d}-00000001"
    if not parts:  # a replay tells of no landing
        parts = Scratch(folder / "landed").landed()
    trial.left += [
        row | {"vi": RULES[row["code"]].text.vi, "en": RULES[row["code"]].text.en}
        for row in quarantined(unread)
    ]
    declared, landed = hub.provinces[province].provisions[provision], folder / "landed" / "parts"
    rows = [*trial.figures, *trial.left]
    places = [place_of(declared, parts, {"field": "value", **row})[0] for row in rows]
    for row, where in zip(
        rows, located(hub, province, provision, places, parts=landed), strict=True
    ):
        for name in ("part", "row", "column"):
            del row[name]
        row["where"] = where.locator
    return trial


def _figures(folder: Path) -> list[dict[str, Any]]:

    frame = scan_figures(folder / OBSERVATIONS).collect()
    return (
        frame.with_columns(plain().alias("value"))
        .select(*_TOLD, "part", "row", "column")
        .to_dicts()
    )


def _words(manifest: Manifest, code: str) -> dict[str, str]:
    return next(
        ({"vi": f.vi, "en": f.en} for f in manifest.findings if f.code == code),
        {"vi": "", "en": ""},
    )
