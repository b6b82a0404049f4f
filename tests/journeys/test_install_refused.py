"""Packages that cannot be installed, and installs that are cut off or decay: what was in force stays."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub_core.errors import ConfigurationError, PluginError, StateError, StoreError
from hub_core.packages import installed
from hub_core.packages import load as plugins
from hub_core.upkeep import doctor
from tests.command import HUB
from tests.hub_core.conftest import GOOD, NIGHT
from tests.journeys.served import until
from tests.journeys.shelf import Shelf, wheel
from tests.journeys.world import ROOT

pytestmark = pytest.mark.usefixtures("alone_with_the_wheels")


# What is refused, and changes nothing


def toml(root: Path) -> Path:
    return root / "hub_provinces" / "nam" / "telecom.toml"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def linked(root: Path) -> None:
    (toml(root).parent / "x.csv").symlink_to("/etc/passwd")


def led_away(root: Path) -> None:
    (root / "hub_provinces").rename(root / "elsewhere")
    (root / "hub_provinces").symlink_to("elsewhere")


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no pyproject": (lambda r: (r / "pyproject.toml").unlink(), "it has no pyproject.toml"),
    "no toml": (
        lambda r: (r / "pyproject.toml").write_text("[project"),
        "needs one entry point in group lienthong",
    ),
    "no code": (lambda r: shutil.rmtree(r / "hub_provinces"), "it has no folder hub_provinces"),
    "no province": (
        lambda r: (toml(r).parent / "province.toml").unlink(),
        "province.toml is missing",
    ),
    "another's name": (
        lambda r: change(toml(r).parent / "province.toml", 'id = "nam"', 'id = "ba"'),
        "declares province ba",
    ),
    "another module": (
        lambda r: change(r / "pyproject.toml", "hub_provinces.nam", "hub_provinces.ba"),
        "is not hub_provinces.nam",
    ),
    "two provinces": (
        lambda r: shutil.copytree(toml(r).parent, r / "hub_provinces" / "ba"),
        "holds ba beside nam",
    ),
    "a link": (linked, "a package holds nothing else, no link either"),
    "a link for a folder": (led_away, "it has no folder hub_provinces"),
    "a pipe": (lambda r: os.mkfifo(toml(r).parent / "x"), "a package holds nothing else"),
    "a secret": (
        lambda r: change(toml(r), '"/nowhere"', '"/nowhere"\ntoken = "mật khẩu"'),
        "token holds a secret in the open",
    ),
    "no reader": (lambda r: change(toml(r), '"csv"', '"dbf"'), "no reader of kind 'dbf'"),
    "does not load": (
        lambda r: (toml(r).parent / "__init__.py").write_text("import khong_co"),
        "No module named 'khong_co'",
    ),
    "dies": (
        lambda r: (toml(r).parent / "__init__.py").write_text("import os; os._exit(3)"),
        "exit code 3",
    ),
    "a later hub": (
        lambda r: change(r / "pyproject.toml", "<2", "<2,>=1.5"),
        "is made for lienthong.*, and this hub is 1",
    ),
    "a later Python": (
        lambda r: change(r / "pyproject.toml", "version =", 'requires-python = ">=4"\nversion ='),
        "needs Python >=4",
    ),
    "no requirement": (
        lambda r: change(r / "pyproject.toml", "<2", "<2, --index-url=x"),
        "after version specifier",
    ),
    "an address": (
        lambda r: change(
            r / "pyproject.toml", "lienthong>=1.0.dev0,<2", "x @ https://x.example/x.whl"
        ),
        "x comes from an address",
    ),
    "found when built": (
        lambda r: change(r / "pyproject.toml", 'version = "1.0"', 'dynamic = ["version"]'),
        "build a wheel",
    ),
    "another project": (
        lambda r: change(r / "pyproject.toml", "lienthong-nam", "khac"),
        "is lienthong-nam 1.0 here, and this is khac: hub province remove nam first",
    ),
}


@pytest.fixture(scope="module")
def refusing(alone_with_the_wheels: None, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """A home in which a good version of the package is in force."""
    shelf = Shelf(tmp_path_factory.mktemp("refusing"), ("nam", "ha_tinh"))
    shelf.install(shelf.package("nam"))
    return shelf


def tree(home: Path) -> set[str]:
    return {
        str(path.relative_to(home))
        for path in (home / "installed").rglob("*")
        if not re.search("hub-|[.]lock", str(path))
    }


@pytest.mark.parametrize("what", BAD)
def test_a_bad_package_changes_nothing(refusing: Shelf, tmp_path: Path, what: str) -> None:
    harm, words = BAD[what]
    root = tmp_path / "nam"
    shutil.copytree(refusing.folder / "nam-1.0", root)
    harm(root)
    before, force = tree(refusing.home), refusing.in_force("nam")
    with pytest.raises(ConfigurationError, match=words) as refusal:
        refusing.install(root)
    assert "mật khẩu" not in str(refusal.value)
    assert (tree(refusing.home), refusing.in_force("nam")) == (before, force)


ODD: dict[str, tuple[str, bytes, str]] = {
    "no archive": (
        "nam-1.0-py3-none-any.whl",
        b"PK but no zip",
        "is no wheel: File is not a zip file",
    ),
    "another file": ("nam.exe", b"MZ", "give its folder, its wheel"),
    "no source": ("nam-1.0.tar.gz", b"no tar", "cannot be unpacked: pip says: "),
}


@pytest.mark.parametrize("what", ODD)
def test_a_file_that_is_no_package_changes_nothing(
    refusing: Shelf, tmp_path: Path, what: str
) -> None:
    name, content, words = ODD[what]
    (tmp_path / name).write_bytes(content)
    before = tree(refusing.home)
    with pytest.raises(PluginError, match=words):
        refusing.install(tmp_path / name)
    assert tree(refusing.home) == before


def test_a_wheel_that_opens_to_too_much_is_not_opened(refusing: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "nam-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"")
        archive.infolist()[0].file_size = 1 << 31
    with pytest.raises(PluginError, match="opens to more than 1024 MB"):
        refusing.install(path)


def test_a_wheel_without_a_province_is_none(refusing: Shelf) -> None:
    with pytest.raises(PluginError, match="needs one entry point in group lienthong, has 0"):
        refusing.install(refusing.wheels / "clashlib-1.0-py3-none-any.whl")


def test_a_package_that_stands_elsewhere_is_not_installed_over_it(refusing: Shelf) -> None:
    with pytest.raises(
        PluginError, match=f"there is a package {GOOD} already .*take it away first"
    ):
        refusing.install(ROOT / "plugins" / GOOD)


def test_libraries_that_the_hub_lacks_are_named_and_so_is_the_way_out(refusing: Shelf) -> None:
    root = refusing.package("ha_tinh", "clashlib>=1", "polars<2", library="clashlib")
    with pytest.raises(ConfigurationError) as refusal:
        refusing.install(root)
    assert "clashlib>=1 is not there; polars<2 is needed, and 2" in str(refusal.value)
    assert str(refusal.value).endswith("is there. With --isolated it has libraries of its own")


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        ("khong-co>=1", "No matching distribution found for khong-co"),
        ("polars==0.1", r"polars==0.1 .*|The user requested \(constraint\) polars==2"),
        ("clashlib==3", "from versions: 1.0, 2.0"),
    ],
)
def test_libraries_that_are_not_to_be_had_are_named_in_pips_words(
    refusing: Shelf, tmp_path: Path, needs: str, words: str
) -> None:
    wheel(refusing.wheels, "polars", "0.1", {"polars.py": ""})
    root = tmp_path / "nam"
    shutil.copytree(refusing.folder / "nam-1.0", root)
    change(
        root / "pyproject.toml", '"lienthong>=1.0.dev0,<2"', f'"lienthong>=1.0.dev0,<2", "{needs}"'
    )
    before = tree(refusing.home)
    with pytest.raises(
        ConfigurationError, match=f"the libraries of nam are not to be had: pip says: .*({words})"
    ):
        refusing.install(root, isolated=True)
    assert tree(refusing.home) == before


def test_a_source_archive_is_built_where_its_tools_are_at_hand(
    refusing: Shelf, tmp_path: Path
) -> None:
    """With a build backend of its own, so that nothing is fetched."""
    built = refusing.as_wheel(refusing.folder / "nam-1.0").read_bytes()
    name = "lienthong_nam-1.0-py3-none-any.whl"
    backend = f"def build_wheel(to, *_):\n    open(to + '/{name}', 'wb').write({built!r})\n    return {name!r}\n"
    project = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    path = tmp_path / "lienthong_nam-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in {"pyproject.toml": project, "backend.py": backend}.items():
            member = tarfile.TarInfo(f"lienthong_nam-1.0/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    before = refusing.in_force("nam")
    installation = refusing.install(path)
    assert (installation.before, installation.installed.project, installation.left) == (
        before,
        "lienthong_nam",
        [],
    )


# What a disk and a kill may do


def test_a_home_that_cannot_hold_it_says_so(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, ("nam",))
    (shelf.home / "installed").write_text("in the way")
    with pytest.raises(StoreError, match="it cannot be written"):
        shelf.install(shelf.package("nam"))


def test_a_disk_that_is_full_leaves_what_was_in_force(refusing: Shelf, tmp_path: Path) -> None:
    root = tmp_path / "nam"
    shutil.copytree(refusing.folder / "nam-1.0", root)
    (toml(root).parent / "large.csv").write_bytes(bytes(8 << 20))
    before, force = tree(refusing.home), refusing.in_force("nam")
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20,) * 2)"
    command = [
        sys.executable,
        "-c",
        f"{code}; from hub_core.cli import main; main()",
        "province",
        "install",
        str(root),
        "--home",
        str(refusing.home),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "StoreError: it cannot be written: " in done.stderr) == (1, True), (
        done.stderr
    )
    assert (tree(refusing.home), refusing.in_force("nam")) == (before, force)


@pytest.fixture
def silent_index() -> Iterator[str]:
    """An index that takes a question and never answers, until the test is over."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    asked.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        server.shutdown(socket.SHUT_RDWR)
        for each in asked:
            each.close()


@pytest.mark.slow
def test_an_install_that_is_killed_leaves_what_was_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    shelf = Shelf(tmp_path, ("nam",))
    root = shelf.package("nam")
    force = shelf.install(root).installed
    change(root / "pyproject.toml", "<2", '<2", "nowhere')
    index = request.getfixturevalue("silent_index")
    monkeypatch.delenv("PIP_NO_INDEX")
    environment = {
        **os.environ,
        "PIP_INDEX_URL": index,
        "PIP_RETRIES": "0",
        "PIP_DEFAULT_TIMEOUT": "4",
    }
    command = [*HUB, "province", "install", str(root), "--isolated", "--home", str(shelf.home)]
    under_way = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        until(lambda: bool(list(shelf.home.glob("installed/nam/*/hub.txt"))), "pip to be at work")
        with pytest.raises(StateError, match="another install is under way"):
            shelf.install(root)
        assert shelf.examined() == []
    finally:
        os.kill(under_way.pid, signal.SIGKILL)
        under_way.communicate()
    assert installed.under_way(shelf.home), "its pip is still at work"
    until(lambda: not installed.under_way(shelf.home), "pip to give up")
    assert shelf.in_force("nam") == force
    [(kind, place, _)] = shelf.examined()
    assert (kind, place.startswith("installed/nam/"), force.install in place) == (
        "install",
        True,
        False,
    )
    hub = shelf.hub()
    try:
        mended = doctor.mend(hub, NIGHT, lambda *_: None, deep=False).mended
    finally:
        hub.close()
    assert [each.kind for each in mended] == ["install"]
    assert {each.name for each in (shelf.home / "installed" / "nam").iterdir()} == {
        installed.ABOUT,
        force.install,
    }
    assert shelf.night(0, "nam").gathers[0].outcome == "done"


# What an upgrade of the machine, or a restore, leaves


def harmed(shelf: Shelf, **other: Any) -> installed.Installed:
    package = shelf.in_force("nam").model_copy(update=other)
    installed.put_in_force(shelf.home, package)
    return package


@pytest.mark.slow
def test_an_environment_that_no_longer_runs_is_named_with_what_mends_it(refusing: Shelf) -> None:
    package = refusing.install(refusing.folder / "nam-1.0", isolated=True).installed
    again = "hub province install PATH --isolated"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"python": "3.9.1"}, "its environment is of Python 3.9.1 and the hub runs 3"),
        ({"requires": ["lienthong>=9"]}, "lienthong>=9 is needed, and 1.0"),
        ({"requires": ["clashlib"]}, "clashlib is not there"),
    ]
    for other, words in cases:
        harmed(refusing, **package.model_dump() | other)
        [(_, place, what)] = [each for each in refusing.examined() if each[0] == "package"]
        assert (place, words in what, again in what) == ("nam", True, True), what
    done = refusing.run("check", "--json")
    assert done.returncode == 2
    found = [each["what"] for each in json.loads(done.stdout)["problems"] if each["where"] == "nam"]
    assert f"clashlib is not there: {again}" in found
    harmed(refusing, **package.model_dump())
    python = installed.python(installed.plugin(refusing.home, package))
    assert python
    assert [each for each in refusing.examined() if each[0] == "package"] == []
    Path(python).unlink()
    [(_, _, what)] = [each for each in refusing.examined() if each[0] == "package"]
    assert f"the Python of its environment is gone ({python}): {again}" in what
    assert "the Python of its environment is gone" in plugins.find([], refusing.home)[1]["nam"]
    refusing.install(refusing.folder / "nam-1.0", isolated=True)
    assert [each for each in refusing.examined() if each[0] == "package"] == []


def test_what_a_night_lacks_yet_is_said(refusing: Shelf, tmp_path: Path) -> None:
    root = tmp_path / "nam"
    shutil.copytree(refusing.folder / "nam-1.0", root)
    change(toml(root), "TELECOM", "DENOMINATORS")
    done = refusing.run("province", "install", str(root))
    assert done.returncode == 0, done.stderr
    assert "config/obligations has no duty of NAM.SKHCN to report DENOMINATORS" in " ".join(
        done.stdout.split()
    )


def test_a_folder_of_wheels_that_is_not_there_is_a_wrong_word(refusing: Shelf) -> None:
    done = refusing.run(
        "province", "install", str(refusing.folder / "nam-1.0"), "--find-links", "/nowhere"
    )
    assert (done.returncode, "/nowhere is no folder" in done.stderr) == (2, True)
