"""A province whose code runs as a system user of its own: what it reaches, and what it does not."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub_core.secrets import Secrets
from hub_core.testing.servers import PagedJson
from tests.faults.conftest import PACKAGES, ROOT, python_beside
from tests.hub_core.conftest import GOOD, PROVISION, Nights
from tests.journeys.shelf import wheel

USERADD = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin")
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or USERADD is None, reason="to make a system user one must be root"
)

NIGHT, NEXT = "2026-11-20T02:00", "2026-11-21T02:00"
HEAD = """
import os
from pathlib import Path
HOME = Path({home!r})

def fix(frame):
"""
CODES = {
    "sound": "print(os.getuid(), os.getgid(), os.getgroups())",
    "looks": f"raise KeyError(os.listdir(HOME / 'landing' / '{GOOD}'))",
    "reads": f"raise KeyError(next((HOME / 'landing' / '{GOOD}').rglob('*.zst')).read_bytes())",
    "queries": "raise KeyError((HOME / 'hub.db').read_bytes())",
    "opens_a_secret_unseen": f"import polars; raise KeyError(polars.read_csv(str(HOME / 'secrets' / '{GOOD}' / 'x')))",
    "nobody": "pass",
}


APART = "import os, clashlib\n\ndef fix(frame):\n    print(os.getuid(), clashlib.FIGURE)\n    return frame\n"


def reachable(path: Path) -> bool:
    """Whether everybody may go through the folders above a path, and run it."""
    path = path.resolve()
    return all(each.stat().st_mode & 0o001 for each in (path, *path.parents))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that everybody may look into, as pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="hub-own-user-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def python(folder: Path) -> str:
    """The Python of this test, or one of the same version that everybody may run, with the same packages."""
    if reachable(Path(sys.executable)) and reachable(Path(sys.prefix)):
        return sys.executable
    mine = Path(f"/usr/bin/python3.{sys.version_info.minor}")
    if not mine.exists() or not reachable(PACKAGES) or not reachable(ROOT):
        pytest.skip(f"no other user can run {sys.executable}, and there is no {mine}")
    return python_beside(mine, folder / "python")


@pytest.fixture(scope="module")
def user() -> Iterator[str]:
    name = f"hub-t{os.getpid()}"
    made = [
        USERADD,
        "--system",
        "--no-create-home",
        "--user-group",
        "--shell",
        "/usr/sbin/nologin",
        name,
    ]
    subprocess.run(made, check=True)  # type: ignore[arg-type]  # it is there
    yield name
    subprocess.run(["/usr/sbin/userdel", name], check=True)


class World:
    """A home with provinces that have a user of their own.

    ``asks`` has a service, the others have files.
    """

    def __init__(self, folder: Path, python: str, user: str, service: PagedJson) -> None:
        self.python, self.service = python, service
        nights = Nights(folder)
        for name, code in CODES.items():
            nights.prepare(
                name, f"{HEAD.format(home=str(nights.home))}    {code}\n    return frame\n"
            )
        self.apart = nights.prepare("apart", APART).rename(folder / "apart")
        project = self.apart / "pyproject.toml"
        needs = 'version = "1.0.dev0"\ndependencies = ["clashlib"]'
        project.write_text(
            project.read_text(encoding="utf-8").replace('version = "1.0.dev0"', needs),
            encoding="utf-8",
        )
        self.wheels = wheel(
            folder / "wheels", "clashlib", "1.0", {"clashlib.py": "FIGURE = 10\n"}
        ).parent
        asks = PROVISION.format(upper="ASKS", more="").replace('"csv"', '"json"\nrows = "/data"')
        asks = asks.replace('"folder"\npath = "/nowhere"', '"rest"\nurl = "http://x/"')
        nights.package("asks", {"hub_provinces/NAME/telecom.toml": asks})
        nights.sources["asks"] = {"telecom": {"url": service.url}}
        service.rows = [
            {"dv": nights.units["asks"], "ky": "2026-M10", "ct": f"VT.0{n}", "gt": str(n)}
            for n in (3, 4)
        ]
        self.home = nights.make(seconds=30)
        Secrets(self.home, {}, {}).keep(GOOD, "x", b"a,b")
        users = {name: user for name in (*CODES, "asks", "apart") if name != "nobody"} | {
            "nobody": "no-such-user"
        }
        with (self.home / "config" / "hub.toml").open("a") as file:
            file.writelines(
                f'\n[provinces.{n}]\nisolation = "user"\nuser = "{u}"\n' for n, u in users.items()
            )

    def ask(self, *words: str, umask: int = -1) -> Any:
        command = [
            self.python,
            "-c",
            "from hub_core.cli import main; main()",
            *words,
            "--home",
            str(self.home),
        ]
        done = subprocess.run(
            [*command, "--json"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            umask=umask,
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def night(self, now: str) -> dict[str, Any]:
        answer = self.ask("night", "--now", now, "--period", "2026-M10")
        return {each["province"]: each for each in answer["gathers"]}


@pytest.fixture(scope="module")
def world(folder: Path, python: str, user: str) -> Iterator[World]:
    with PagedJson([]) as service:
        service.validators = "etag"
        yield World(folder, python, user, service)


@pytest.fixture(scope="module")
def first(world: World) -> dict[str, Any]:
    """The first night."""
    return world.night(NIGHT)


@pytest.fixture(scope="module")
def gathers(world: World, first: dict[str, Any]) -> dict[str, Any]:
    """The second night: by then there is something to read."""
    assert first[GOOD]["outcome"] == "done", first
    return world.night(NEXT)


def test_its_code_runs_as_that_user_with_no_group_but_its_own(
    first: dict[str, Any], user: str
) -> None:
    them = pwd.getpwnam(user)
    report = first["sound"]
    assert (report["outcome"], report["error"]) == ("done", None)
    assert report["notes"] == [f"wrote to standard output: {them.pw_uid} {them.pw_gid} []"]


@pytest.mark.parametrize("name", ["looks", "reads", "queries", "opens_a_secret_unseen"])
def test_it_reaches_neither_another_province_nor_the_database(
    gathers: dict[str, Any], name: str
) -> None:
    assert gathers[name]["outcome"] == "failed"
    assert "PermissionError" in gathers[name]["error"] or "StopIteration" in gathers[name]["error"]
    assert "KeyError" not in gathers[name]["error"]


def test_what_it_leaves_belongs_to_the_hub(gathers: dict[str, Any], world: World) -> None:
    landed = list((world.home / "landing" / "sound").rglob("*"))
    assert any(path.suffix == ".zst" for path in landed)
    assert {path.stat().st_uid for path in landed} == {0}
    assert list((world.home / "scratch").iterdir()) == []


def test_a_landing_of_its_own_can_be_read_again(gathers: dict[str, Any], world: World) -> None:
    report = world.ask("replay", "sound", "telecom", gathers["sound"]["gather"], "--now", NEXT)
    assert (report["outcome"], report["error"]) == ("unchanged", None)


def test_what_its_service_need_not_send_again_is_read_where_it_was_landed(
    first: dict[str, Any], gathers: dict[str, Any], world: World
) -> None:
    assert [(night["asks"]["outcome"], night["asks"]["error"]) for night in (first, gathers)] == [
        ("done", None),
        ("unchanged", None),
    ]
    assert (world.service.requests, world.service.not_modified) == (2, 1)


def test_a_local_file_can_be_tried(gathers: dict[str, Any], world: World) -> None:
    [file] = (world.home.parent / "systems" / "sound" / "telecom").iterdir()
    trial = world.ask("province", "try", "sound/telecom", str(file), "--period", "2026-M10")
    assert trial["error"] is None
    assert len(trial["figures"]) == 2


def test_a_user_that_is_not_there_is_the_operators_fault(
    gathers: dict[str, Any], world: World
) -> None:
    error = gathers["nobody"]["error"]
    assert (
        "there is no system user no-such-user; make it with: useradd --system no-such-user" in error
    )
    answer = world.ask("status", "--runs", "20")
    assert "ConfigurationError" in [
        r["error"]["error"] for r in answer["runs"] if r["province"] == "nobody"
    ]


def test_a_package_with_libraries_of_its_own_runs_as_that_user_too(
    first: dict[str, Any], world: World, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    words = [str(world.apart), "--isolated", "--find-links", str(world.wheels)]
    assert world.ask("province", "install", *words, umask=0o077)["left"] == []
    gather = ("gather", "--province", "apart", "--period", "2026-M10", "--now", NEXT)
    [report] = world.ask(*gather)["gathers"]
    assert (report["outcome"], report["error"]) == ("done", None)
    assert report["notes"] == [f"wrote to standard output: {pwd.getpwnam(user).pw_uid} 10"]
    environment = next((world.home / "installed" / "apart").glob("*/environment"))
    environment.chmod(0o700)
    [report] = world.ask(*gather)["gathers"]
    assert f"cannot run {environment}/bin/python" in report["error"]


def test_a_home_that_it_cannot_reach_is_named(gathers: dict[str, Any], world: World) -> None:
    world.home.chmod(0o700)
    try:
        error = world.night(NEXT)["sound"]["error"]
    finally:
        world.home.chmod(0o755)
    assert "system user hub-t" in error
    assert f"cannot read {world.home}" in error


def test_a_hub_that_is_not_root_says_so(python: str, user: str) -> None:
    code = f"from hub_core.engine.users import SystemUser; SystemUser.of('x', {user!r})"
    nobody = pwd.getpwnam("nobody").pw_uid
    done = subprocess.run(
        [python, "-c", code], user=nobody, capture_output=True, text=True, cwd="/", check=False
    )
    assert 'isolation = "user" needs a hub that runs as root' in done.stderr
