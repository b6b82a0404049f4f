"""The provinces' own systems, served from their packages' samples over real protocols."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hub_core.config.province import Province, read, secrets_named
from hub_core.secrets import variable
from hub_core.testing.servers import PagedJson

TOKEN = "a-token-of-the-sample-gateway"  # noqa: S105 - not a secret of anybody's
_SAMPLE = re.compile(r"([0-9]{4}(?:-[MQSN][0-9]{1,2})?)(?:-(.+))?")


@dataclass(frozen=True)
class Sample:
    """A sample of a provision: a period, what it shows, and its payload files."""

    provision: str
    period: str
    what: str
    folder: Path

    @property
    def payloads(self) -> list[Path]:
        """The payload's files, in the order of their names."""
        return sorted(self.folder.glob("payload*"))


def samples(package: Path) -> list[Sample]:
    """Return the samples of a province's package.

    Raises ValueError at a folder that is not named for a period.
    """
    package_samples = []
    for folder in sorted(path for path in (package / "samples").glob("*/*") if path.is_dir()):
        match = _SAMPLE.fullmatch(folder.name)
        if not match:
            raise ValueError(f"{folder}: a sample is named PERIOD or PERIOD-what")
        package_samples.append(
            Sample(folder.parent.name, match.group(1), match.group(2) or "", folder)
        )
    return package_samples


def province_of(package: Path) -> Province:
    """Return the province of a package that is not installed, from its files."""
    [name] = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "entry-points"
    ]["lienthong"]
    return read(package / "hub_provinces" / name)


@dataclass
class SampleSystems:
    """Sample systems for the packages of a folder.

    There is an HTTP server for each source of kind ``rest``, and a folder for each of kind
    ``folder``. ``sources`` says where each is, as hub.toml takes it; ``environment`` holds the
    secrets that they ask for.
    """

    packages: Path
    home: Path
    sources: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    servers: dict[str, PagedJson] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        for path in sorted(self.packages.glob("*/pyproject.toml")):
            self._serve(path.parent)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _serve(self, package: Path) -> None:
        province = province_of(package)
        ordinary = [
            sample
            for sample in samples(package)
            if "held" not in sample.what and "refused" not in sample.what
        ]
        for name, declared in province.provisions.items():
            own_samples = [sample for sample in ordinary if sample.provision == name]
            serve = (
                self._start_server if declared.source["kind"] == "rest" else self._copy_to_folder
            )
            self.sources.setdefault(province.id, {})[name] = serve(province, name, own_samples)
            for secret in secrets_named(declared.source):
                self.environment[variable(province.id, secret)] = TOKEN
            self.shown += [f"{province.id}/{name}/{sample.folder.name}" for sample in own_samples]

    def _start_server(
        self, province: Province, name: str, own_samples: list[Sample]
    ) -> dict[str, Any]:
        declared = province.provisions[name]
        rows: dict[str, list[dict[str, Any]]] = {}
        for sample in own_samples:
            document = json.loads(sample.payloads[0].read_text(encoding="utf-8"))
            for step in declared.reader.get("rows", "").split("/")[1:]:
                document = document[step]
            rows[sample.period] = document
        token = TOKEN if secrets_named(declared.source) else None
        server = self._stack.enter_context(PagedJson(rows, page_size=5, token=token))
        self.servers[f"{province.id}/{name}"] = server
        return {"url": f"{server.url}?ky={{period}}"}

    def _copy_to_folder(
        self, province: Province, name: str, own_samples: list[Sample]
    ) -> dict[str, Any]:
        folder = self.home / province.id / name
        folder.mkdir(parents=True, exist_ok=True)
        for sample in own_samples:
            for payload in sample.payloads:
                shutil.copyfile(payload, folder / f"{name}-{sample.period}{payload.suffix}")
        return {"path": str(folder)}
