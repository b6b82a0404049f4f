"""ProvinceSuite: what every province's package is asked, for free."""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, ClassVar

from hub_core.config import operator as configuration
from hub_core.engine.engine import local
from hub_core.errors import from_dict
from hub_core.landing.layout import OBSERVATIONS, QUARANTINE
from hub_core.model.exchange import CheckOrder
from hub_core.model.observation import KEY, scan_figures
from hub_core.packages import load as plugins
from hub_core.pipeline import trial
from hub_core.testing.samples import Sample, province_of, samples

_SECRET = re.compile(r"(?i)(password|secret|token|api_key)\s*=\s*[\"'](?!secret:)[^\"']+[\"']")
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_DIFFERENCES = 30  # lines of a difference that are shown
_FINDING_FIELDS = ("code", "severity", "rows", "text")


class ProvinceSuite:
    """Inherit it, and say where the package is.

    ``config`` is the shipped one where nothing else is said. ``trusted``: the entry points of the
    packages whose connectors and rules the province uses, as hub.toml would name them.
    """

    package: ClassVar[Path]
    config: ClassVar[Path | None] = None
    trusted: ClassVar[tuple[str, ...]] = ("connectors",)

    def test_it_loads_and_all_that_it_names_exists(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            hub_config = self._config(Path(folder))
            order = CheckOrder(
                plugin=self._plugin(),
                trusted=list(self.trusted),
                catalogue=str(hub_config.snapshot()),
            )
            answer = self._ask(order.model_dump(mode="json"))
            assert not answer.get("error"), answer["error"]
            assert not answer["problems"], answer["problems"]
            assert not answer.get("notes"), answer["notes"]

    def test_each_provision_has_a_sample(self) -> None:
        province = province_of(self.package)
        assert set(province.provisions) == {sample.provision for sample in samples(self.package)}

    def test_each_sample_gives_exactly_its_observations(self) -> None:
        written = []
        for sample in samples(self.package):
            actual = self._read(sample)
            refused = sample.folder / "refused.txt"
            if refused.exists():
                assert actual["error"], f"{sample.folder} was read, and should be refused"
                assert refused.read_text(encoding="utf-8").strip() in actual["error"], actual[
                    "error"
                ]
                continue
            assert not actual["error"], f"{sample.provision}, {sample.folder}: {actual['error']}"
            for name in ("observations.csv", "findings.csv", "nil.txt"):
                path = sample.folder / name
                if actual[name] and not path.exists():
                    path.write_text(actual[name], encoding="utf-8")
                    written.append(path)
                expected = path.read_text(encoding="utf-8") if path.exists() else ""
                assert expected == actual[name], difference(sample, path, expected, actual[name])
        assert not written, f"written for the first time, read them: {', '.join(map(str, written))}"

    def test_reading_twice_gives_the_same(self) -> None:
        sample = samples(self.package)[0]
        assert self._read(sample) == self._read(sample)

    def test_no_file_holds_a_secret(self) -> None:
        for path in self.package.rglob("*"):
            if path.suffix in (".py", ".toml", ".csv", ".json"):
                secret = _SECRET.search(path.read_text(encoding="utf-8", errors="replace"))
                assert not secret, f"{path}: {secret}"

    def test_importing_it_opens_no_socket(self) -> None:
        plugin = self._plugin()
        code = (
            "import sys, socket\n"
            "def forbid(event, _):\n"
            "    if event.startswith('socket.'): raise RuntimeError(event)\n"
            f"sys.path.insert(0, {plugin.folder!r}); sys.addaudithook(forbid); import {plugin.module}\n"
        )
        command = [sys.executable, "-c", code]
        process = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        assert process.returncode == 0, process.stderr

    # How it is asked

    def _plugin(self) -> Any:
        plugins_by_name, broken = plugins.find([self.package.parent])
        name = province_of(self.package).id
        assert name in plugins_by_name, broken
        return plugins_by_name[name]

    def _config(self, folder: Path) -> configuration.Config:
        import shutil

        shipped = self.config or configuration.shipped()
        shutil.copytree(shipped, folder / "config")
        path = folder / "config" / "hub.toml"
        text = path.read_text(encoding="utf-8")
        trusted = f"trusted = {json.dumps(self.trusted)}"
        path.write_text(re.sub(r"(?m)^trusted\s*=.*$", trusted, text), encoding="utf-8")
        return configuration.load(folder)

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        engine = local()
        try:
            return engine.ask([order], 60)[0]
        finally:
            engine.close()

    def _read(self, sample: Sample) -> dict[str, str]:
        """Read a sample in a child, as a trial of its files."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            declared = province_of(self.package).provisions[sample.provision]
            periods = [sample.period] if isinstance(declared.periods, str) else declared.periods
            config, plugin = self._config(folder), self._plugin()
            if (plugin.name, declared.provider, declared.dataflow) not in config.duties:
                return {"error": _missing_obligation(declared.provider, declared.dataflow)}
            provision = (sample.provision, declared)
            order = trial.order(config, plugin, provision, sample.payloads, periods, folder, _NOW)
            answer = self._ask(order.model_dump(mode="json"))
            if answer.get("error"):
                error = from_dict(answer["error"])
                return {"error": f"{type(error).__name__}: {error}"}
            return {
                "error": "",
                **_sealed_as_csv([Path(folder_name) for folder_name in answer["submissions"]]),
            }


def difference(sample: Sample, path: Path, expected: str, actual: str) -> str:
    """Say which provision, file and line of a sample differ, and show the lines around it."""
    lines = expected.splitlines(), actual.splitlines()
    pairs = enumerate(zip_longest(*lines), start=1)
    number = next((n for n, (before, now) in pairs if before != now), 1)
    shown = difflib.unified_diff(*lines, str(path), "what the sample gives now", lineterm="", n=1)
    return "\n".join(
        [
            f"{sample.provision}: {path}, line {number}, is not what the sample gives now",
            *islice(shown, _DIFFERENCES),
        ]
    )


def _missing_obligation(provider: str, dataflow: str) -> str:
    return (
        f"nobody obliges {provider} to report {dataflow}: an obligation is missing. "
        "Add it to config/obligations, and name that folder's config in the suite (config = ...)"
    )


def _sealed_as_csv(folders: list[Path]) -> dict[str, str]:
    """Return what was sealed as CSV: the figures with their positions, and the findings."""
    from hub_core.landing.layout import read_manifest

    figures = [scan_figures(folder / OBSERVATIONS).collect() for folder in folders]
    rows = [row for frame in figures for row in frame.iter_rows(named=True)]
    columns = [*KEY, "value", "status", "part", "row", "column"]
    manifests = [read_manifest(folder) for folder in folders]
    findings = [finding.model_dump() for manifest in manifests for finding in manifest.findings]
    nil = "".join(f"{manifest.period}\n" for manifest in manifests if manifest.nil)
    assert all((folder / QUARANTINE).exists() for folder in folders)
    return {
        "observations.csv": _csv(columns, rows),
        "findings.csv": _csv(list(_FINDING_FIELDS), findings) if findings else "",
        "nil.txt": nil,
    }


def _csv(columns: list[str], rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(
            f"{row[c].normalize():f}" if c == "value" and row[c] is not None else row[c]
            for c in columns
        )
    return text.getvalue()
