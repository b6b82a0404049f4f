"""A world of a test: a hub's home on sample systems and a sample ministry, made at once or lived before."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub_core.engine.engine import local
from hub_core.home import Hub
from hub_core.testing.home import make_home
from hub_core.testing.ministry import SampleMinistry
from hub_core.testing.samples import SampleSystems
from tests import command
from tests.command import HUB

ROOT = Path(__file__).parent.parent.parent
NIGHT = "2026-11-06T02:00"
NEXT = "2026-11-07T02:00"
PACKAGES = ("quang_tri", "thanh_hoa", "tong_cuc_thong_ke")
_LEDGER = "ledger.jsonl"  # of a world's ministry


@dataclass
class World:
    """A hub's home on sample systems and a sample ministry.

    Commands run as a person would run them.
    """

    home: Path
    packages: Path
    systems: SampleSystems
    ministry: SampleMinistry
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        mine = {name: text for name, text in os.environ.items() if name not in ("COLUMNS", "LINES")}
        return {**mine, **self.systems.environment, "HUB_HOME": str(self.home)}

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """A command under way."""
        return subprocess.Popen(
            [*HUB, *words], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """A command to its end, in this process; ``given``: its standard input."""
        return command.hub(*words, environment=self.environment, given=given)

    def process(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """A command to its end, as a process of its own."""
        return subprocess.run(
            [*HUB, *words],
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def json_of(self, *words: str) -> Any:
        """What a command says in JSON; its exit code is kept under its first word."""
        done = self.run(*words, "--json")
        self.codes[words[0]] = done.returncode
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def night(self, now: str = NIGHT, *words: str) -> Any:
        """A night, as JSON."""
        return self.json_of("night", "--now", now, *words)

    def gathers(self, night: Any) -> dict[str, Any]:
        """The reports of a night's gathers by province and provision."""
        return {f"{each['province']}/{each['provision']}": each for each in night["gathers"]}

    def figures(self, release: str) -> dict[tuple[str, str], str]:
        """A release's values by indicator and org unit."""
        shown = self.json_of("release", "show", release)
        return {(f["indicator"], f["org_unit"]): f["value"] for f in shown["figures"]}

    def trace(self, *words: str) -> Any:
        """The path of a figure."""
        return self.json_of("trace", *words)["figure"]

    def rows(self, provision: str, period: str) -> list[dict[str, Any]]:
        """The rows that a sample gateway serves; change them as you like."""
        served: Any = self.systems.servers[provision].rows
        found: list[dict[str, Any]] = served[period]
        return found

    def state(self) -> dict[str, Any]:
        """What two hubs that lived through the same world must agree on, and the ministry with them."""
        with opened(self) as hub:
            submissions = [
                (
                    s.province,
                    s.provision,
                    s.calendar,
                    s.period,
                    s.revision,
                    s.content_digest,
                    s.quarantine_digest,
                    s.held,
                )
                for s in hub.store.submissions()
            ]
            releases = [(r.name, r.state, r.reason, r.figures_digest) for r in hub.releases.all()]
            deliveries = sorted((d["recipient"], d["state"]) for d in hub.releases.deliveries())
        obligations = self.json_of("obligation", "list", "--now", NEXT)
        return {
            "submissions": submissions,
            "releases": releases,
            "deliveries": deliveries,
            "obligations": [
                (o["dataflow"], o["period"], o["provider"], o["state"]) for o in obligations
            ],
            "ledger": sorted(
                (
                    e["dataflow"],
                    e["calendar"],
                    e["period"],
                    e["version"],
                    e["figures_digest"],
                    e["state"],
                )
                for e in self.ministry.ledger
            ),
            "effects": len({e["delivery"] for e in self.ministry.ledger}),
        }


MODULE = '''"""A department that a test made up."""

from hub_core import Province, hookimpl


@hookimpl
def hub_province() -> Province:
    """Who they are."""
    return Province.from_package(__name__)
'''


def put_package(packages: Path, name: str, provider: str, files: dict[str, str]) -> Path:
    """A package of one provider, as files beside its ``province.toml``.

    The folder of these files.
    """
    module = packages / name / "hub_provinces" / name
    module.mkdir(parents=True)
    project = f'[project]\nname = "{name}"\n[project.entry-points.lienthong]\n{name} = "hub_provinces.{name}"\n'
    (packages / name / "pyproject.toml").write_text(project, encoding="utf-8")
    who = f'id = "{name}"\nname = "{name}"\n'
    who += 'contact = { name = "bài kiểm thử", email = "thu@example.org", telephone = "024 0000 0000" }\n'
    who += f'[[providers]]\nid = "{provider}"\nname = "{name}"\n'
    for file, text in {"__init__.py": MODULE, "province.toml": who, **files}.items():
        (module / file).write_text(text, encoding="utf-8")
    return module


@contextmanager
def make_world(folder: Path, names: tuple[str, ...] = PACKAGES, **gather: float) -> Iterator[World]:
    """A world in an empty folder; the packages are copies that a test may change."""
    folder.mkdir(parents=True, exist_ok=True)
    packages = folder / "packages"
    for name in names:
        shutil.copytree(
            ROOT / "plugins" / name, packages / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    with _served(folder) as (systems, ministry):
        home = folder / "home"
        home.mkdir()
        make_home(home, ROOT / "config", [packages], systems.sources, ministry.url, **gather)
        yield World(home, packages, systems, ministry)


@contextmanager
def _served(folder: Path) -> Iterator[tuple[SampleSystems, SampleMinistry]]:
    with ExitStack() as stack:
        systems = stack.enter_context(SampleSystems(folder / "packages", folder / "systems"))
        ministry = stack.enter_context(SampleMinistry(ledger_path=folder / _LEDGER))
        yield systems, ministry


def lived_once(folder: Path, live: Callable[[World], object], *names: str) -> Path:
    """The folder of a world after what it lived through; whichever process comes first lives through it.

    ``names``: its packages. Whoever goes on from there takes it up with ``gone_on``.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    whole = folder.with_suffix(".lived")
    with folder.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            with make_world(folder, names or PACKAGES) as world:
                live(world)
            whole.touch()
    return folder


@contextmanager
def gone_on(lived: Path, folder: Path) -> Iterator[World]:
    """A world that goes on from another's last day: a copy of all that it has, on systems of its own.

    Its sample systems serve what they served when the other was made.
    """
    shutil.copytree(lived, folder, symlinks=True)
    home = folder / "home"
    with _served(folder) as (systems, ministry):
        hub_toml = home / "config" / "hub.toml"
        deliveries = home / "config" / "deliveries" / "ministry.toml"
        before = tomllib.loads(hub_toml.read_text(encoding="utf-8"))["sources"]
        sent = tomllib.loads(deliveries.read_text(encoding="utf-8"))["delivery"]
        moved = {str(lived): str(folder)}
        moved |= {each["sink"]["url"]: ministry.url for each in sent}
        moved |= {
            before[province][provision]["url"]: source["url"]
            for province, provisions in systems.sources.items()
            for provision, source in provisions.items()
            if "url" in source
        }
        for path in (hub_toml, deliveries):
            _put_in(path, moved)
        yield World(home, folder / "packages", systems, ministry)


def _put_in(path: Path, moved: dict[str, str]) -> None:
    """Put texts in the place of others, all at once."""
    text = path.read_text(encoding="utf-8")
    olds = "|".join(re.escape(old) for old in sorted(moved, key=len, reverse=True))
    path.write_text(re.sub(olds, lambda found: moved[found[0]], text), encoding="utf-8")


@contextmanager
def opened(world: World) -> Iterator[Hub]:
    """The world's hub, in this process."""
    hub = Hub.open(world.home, local())
    try:
        yield hub
    finally:
        hub.close()
