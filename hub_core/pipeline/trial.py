"""A trial: a local file is read by a provision as a night would read it, and nothing is stored."""

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
    from hub_core.model.exchange import Manifest, Part, Plugin

_MEDIA_TYPES = {".csv": "text/csv", ".json": "application/json", ".xls": "application/vnd.ms-excel"}
_FIGURE_COLUMNS = ("indicator", "org_unit", "period", "measure", "dims", "value", "status")


@dataclass
class Trial:
    """What came of a trial.

    ``figures`` and ``left``, the rows left out, have each their place (``where``). ``nil`` are the
    periods for which the file states that there is nothing to report.
    """

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
    """Make the order to a child to read local files as if they had been landed.

    The files are landed in ``folder``. ``provision``: its name and its declaration. Raises
    StoreError where a file cannot be read.
    """
    name, declared = provision
    reporting_scope = reporting_scope_of(config, plugin.name, declared.provider, declared.dataflow)
    landed = Scratch(folder / "landed")
    parts = _land_files(landed, files)
    start = config.settings.origin_start
    gather = f"{start:%Y%m%d}-00000001"
    common: dict[str, Any] = {
        "gather": gather,
        "sequence": 1,
        "origin_start": start,
        "periods": periods,
    }
    landed.commit(
        Landing(
            **common,
            province=plugin.name,
            provision=name,
            parts=parts,
            complete=True,
            landed_at=now,
        )
    )
    return GatherOrder(
        **common,
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


def _land_files(landed: Scratch, files: list[Path]) -> list[Part]:
    """Land local files as parts. Raises StoreError where one cannot be read."""
    try:
        return [
            landed.land(
                PayloadPart(
                    path.read_bytes(), _MEDIA_TYPES.get(path.suffix, ""), path.name, path.name
                )
            )
            for path in files
        ]
    except OSError as error:
        raise StoreError(f"{error.filename} cannot be read: {error.strerror}") from error


def try_file(
    hub: Hub, province: str, provision: str, file: Path, periods: list[str], now: datetime
) -> Trial:
    """Read one local file by a provision, beside the figures that are current; store nothing.

    ``periods``: those to read; where none is given, those that the provision declares. Raises
    StateError where there is no such provision, and where it is not clear which periods to read.
    """
    if province not in hub.provinces or provision not in hub.provinces[province].provisions:
        names = [
            f"{province_name}/{provision_name}"
            for province_name, declared_province in sorted(hub.provinces.items())
            for provision_name in sorted(declared_province.provisions)
        ]
        raise StateError(
            f"no provision {province}/{provision}; there are {', '.join(names) or 'none'}"
        )
    declared = hub.provinces[province].provisions[provision]
    requested_periods = periods or ([] if isinstance(declared.periods, str) else declared.periods)
    if not requested_periods and declared.periods != "all":
        raise StateError(
            f"{provision}.toml reads the periods that are asked for: say which (--period)"
        )
    folder = Path(tempfile.mkdtemp(prefix="hub-trial-"))
    try:
        plugin, task = hub.plugins[province], Task(province, provision, requested_periods)
        gather_order = order(
            hub.config, plugin, (provision, declared), [file], requested_periods, folder, now
        )
        gather_order = gather_order.model_copy(update={"baseline": baseline_submissions(hub, task)})
        [answer] = hub.engine.ask(
            [gather_order.model_dump(mode="json")], hub.config.settings.gather.seconds
        )
        return _trial_of(hub, task, Gathered.model_validate(answer), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _trial_of(hub: Hub, task: Task, gathered: Gathered, folder: Path) -> Trial:
    """Collect what a child left of a trial in ``folder``, each figure and row with its place."""
    trial = Trial(counts=gathered.counts, no_data=gathered.no_data, notes=gathered.notes)
    if gathered.error is not None:
        trial.error = str(from_dict(gathered.error))
    parts = gathered.landing.parts if gathered.landing else []
    for submission in map(Path, gathered.submissions):
        manifest = read_manifest(submission)
        if manifest.nil:
            trial.nil.append(manifest.period)
        trial.findings += [f.model_dump() | {"period": manifest.period} for f in manifest.findings]
        trial.figures += _figures(submission)
        trial.left += [row | _words(manifest, row["code"]) for row in quarantined(submission)]
    gather_folder = (
        folder / "scratch" / "gathers" / f"{hub.config.settings.origin_start:%Y%m%d}-00000001"
    )
    if not parts:  # a replay tells of no landing
        parts = Scratch(folder / "landed").landed()
    trial.left += [
        row | {"vi": RULES[row["code"]].text.vi, "en": RULES[row["code"]].text.en}
        for row in quarantined(gather_folder)
    ]
    declared = hub.provinces[task.province].provisions[task.provision]
    rows = [*trial.figures, *trial.left]
    places = [place_of(declared, parts, {"field": "value", **row})[0] for row in rows]
    answers = located(hub, task.province, task.provision, places, parts=folder / "landed" / "parts")
    for row, answer in zip(rows, answers, strict=True):
        for name in ("part", "row", "column"):
            del row[name]
        row["where"] = answer.locator
    return trial


def _figures(folder: Path) -> list[dict[str, Any]]:
    frame = scan_figures(folder / OBSERVATIONS).collect()
    return (
        frame.with_columns(plain().alias("value"))
        .select(*_FIGURE_COLUMNS, "part", "row", "column")
        .to_dicts()
    )


def _words(manifest: Manifest, code: str) -> dict[str, str]:
    """Return the Vietnamese and English words of a rule, as a manifest's findings have them."""
    return next(
        ({"vi": f.vi, "en": f.en} for f in manifest.findings if f.code == code),
        {"vi": "", "en": ""},
    )
