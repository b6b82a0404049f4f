"""ProvinceSuite: what every province's package is asked, for free."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from hub_core import config as configuration
from hub_core import plugins
from hub_core.contracts import PayloadPart
from hub_core.engine import local
from hub_core.errors import from_dict
from hub_core.landing import OBSERVATIONS, QUARANTINE, Scratch
from hub_core.model.exchange import CheckOrder, GatherOrder, Landing
from hub_core.model.observation import KEY
from hub_core.pipeline.take_over import voice_of
from hub_core.testing.samples import Sample, province_of, samples

_SECRET = re.compile(r"(?i)(password|secret|token|api_key)\s*=\s*[\"'](?!secret:)[^\"']+[\"']")
_MEDIA = {".json": "application/json", ".csv": "text/csv", ".xml": "application/xml"}
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_FOUND = ("code", "severity", "rows", "text")


class ProvinceSuite:
    """Inherit it, and say where the package is; ``config`` is the shipped one where nothing else is said."""

    package: ClassVar[Path]
    config: ClassVar[Path | None] = None

    def test_it_loads_and_all_that_it_names_exists(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            hub_config = self._config(Path(folder))
            order = CheckOrder(plugin=self._plugin(), trusted=["connectors"], catalogue=str(hub_config.snapshot()))
            answer = self._ask(order.model_dump(mode="json"))
            assert not answer.get("error"), answer["error"]
            assert not answer["problems"], answer["problems"]
            assert not answer.get("notes"), answer["notes"]

    def test_each_provision_has_a_sample(self) -> None:
        province = province_of(self.package)
        assert set(province.provisions) == {each.provision for each in samples(self.package)}

    def test_each_sample_gives_exactly_its_observations(self) -> None:
        written = []
        for sample in samples(self.package):
            told = self._read(sample)
            refused = sample.folder / "refused.txt"
            if refused.exists():
                assert told["error"], f"{sample.folder} was read, and should be refused"
                assert refused.read_text(encoding="utf-8").strip() in told["error"], told["error"]
                continue
            assert not told["error"], f"{sample.folder}: {told['error']}"
            for name in ("observations.csv", "findings.csv"):
                path = sample.folder / name
                if told[name] and not path.exists():
                    path.write_text(told[name], encoding="utf-8")
                    written.append(path)
                there = path.read_text(encoding="utf-8") if path.exists() else ""
                assert there == told[name], f"{path} is not what the sample gives now"
        assert not written, f"written for the first time, read them: {', '.join(map(str, written))}"

    def test_reading_twice_gives_the_same(self) -> None:
        sample = samples(self.package)[0]
        assert self._read(sample) == self._read(sample)

    def test_no_file_holds_a_secret(self) -> None:
        for path in self.package.rglob("*"):
            if path.suffix in (".py", ".toml", ".csv", ".json"):
                found = _SECRET.search(path.read_text(encoding="utf-8", errors="replace"))
                assert not found, f"{path}: {found}"

    def test_importing_it_opens_no_socket(self) -> None:
        plugin = self._plugin()
        code = (
            "import sys, socket\n"
            "def forbid(event, _):\n"
            "    if event.startswith('socket.'): raise RuntimeError(event)\n"
            f"sys.path.insert(0, {plugin.folder!r}); sys.addaudithook(forbid); import {plugin.module}\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
        assert done.returncode == 0, done.stderr

    # How it is asked

    def _plugin(self) -> Any:
        found, broken = plugins.find([self.package.parent])
        name = province_of(self.package).id
        assert name in found, broken
        return found[name]

    def _config(self, folder: Path) -> configuration.Config:
        import shutil

        shipped = self.config or configuration.shipped()
        shutil.copytree(shipped, folder / "config")
        return configuration.load(folder)

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        engine = local()
        try:
            return engine.ask([order], 60)[0]
        finally:
            engine.close()

    def _read(self, sample: Sample) -> dict[str, str]:
        """A sample read in a child, as a replay of a landing that holds it."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            hub_config = self._config(folder)
            plugin = self._plugin()
            declared = province_of(self.package).provisions[sample.provision]
            voice = voice_of(hub_config, plugin.name, declared.provider, declared.dataflow)
            landed = Scratch(folder / "landed")
            parts = [
                landed.land(PayloadPart(path.read_bytes(), _MEDIA.get(path.suffix, ""), path.name, path.name))
                for path in sample.payloads
            ]
            gather = "20260101-00000001"
            told: dict[str, Any] = {
                "gather": gather,
                "sequence": 1,
                "origin_start": date(2026, 1, 1),
                "periods": [sample.period],
            }
            landed.commit(
                Landing(
                    **told, province=plugin.name, provision=sample.provision, parts=parts, complete=True, landed_at=_NOW
                )
            )
            order = GatherOrder(
                **told,
                replay=1,
                plugin=plugin,
                trusted=["connectors"],
                provision=sample.provision,
                catalogue=str(hub_config.snapshot()),
                speaks_for=sorted(voice.org_units),
                indicators=sorted(voice.indicators),
                secrets=dict.fromkeys(_names(declared.source), "unused"),
                scratch=str(folder / "scratch"),
                replay_of=str(folder / "landed"),
                now=_NOW,
            )
            answer = self._ask(order.model_dump(mode="json"))
            if answer.get("error"):
                error = from_dict(answer["error"])
                return {"error": f"{type(error).__name__}: {error}"}
            return {"error": "", **_outcome([Path(each) for each in answer["submissions"]])}


def _names(source: dict[str, Any]) -> set[str]:
    from hub_core.province import secrets_named

    return secrets_named(source)


def _outcome(folders: list[Path]) -> dict[str, str]:
    """What was sealed, as CSV: the figures with their positions, and the findings."""
    from hub_core.landing import read_manifest

    figures = [pl.read_parquet(folder / OBSERVATIONS) for folder in folders]
    rows = [row for frame in figures for row in frame.iter_rows(named=True)]
    columns = [*KEY, "value", "status", "part", "row", "column"]
    found = [finding.model_dump() for folder in folders for finding in read_manifest(folder).findings]
    assert all((folder / QUARANTINE).exists() for folder in folders)
    return {"observations.csv": _csv(columns, rows), "findings.csv": _csv(list(_FOUND), found) if found else ""}


def _csv(columns: list[str], rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(f"{row[c].normalize():f}" if c == "value" and row[c] is not None else row[c] for c in columns)
    return text.getvalue()
