"""A night in which every way of a bad package is tried.

Each its own run's named failure, and no more.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import watched
from tests.hub_core.conftest import GOOD, Nights

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="limits and guard are Linux's"),
    pytest.mark.slow(seconds=30),
]

HUB = [sys.executable, "-c", "from hub_core.cli import main; main()"]
NIGHT = "2026-11-20T02:00"
SECONDS, MEMORY, FILE, SCRATCH = 10, 512, 32, 64
SLACK = 700  # MB that a child may take between two looks
CANARY = "chim-hoang-yen-trong-mo"
MINE = f"/nowhere/{uuid.uuid4()}"  # in the path of all that is started here
HEAD = """
import ctypes, fcntl, itertools, mmap, multiprocessing, os, pty, shutil, signal, sqlite3, subprocess, sys
import tempfile, time
from pathlib import Path
import polars as pl
HOME, OTHER = Path({home!r}), Path({home!r}, "landing", "quang_tri")
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]

def scratch():
    return Path(tempfile.gettempdir())

def answers():
    pipes = [n for n in range(3, 50) if Path(f"/proc/self/fd/{{n}}").is_fifo()]
    return [n for n in pipes if fcntl.fcntl(n, fcntl.F_GETFL) & os.O_WRONLY]

def fix(frame):
"""
LINE = HEAD.count("\n") + 1
STARTS = "tried to start a process"
WRITES = "tried to write outside its scratch folder"
NO_MEMORY = r"(took \d+ MB of memory, more|asked for more memory) than the 512 MB that memory_mb in hub.toml allows"
NO_ROOM = (
    r"keeps \d+ MB in its scratch folder, more than the 64 MB that scratch_mb in hub.toml allows"
)
PRINTED = "printed more than 32 MB"
SECRET = "tried to read secrets of the hub"
BAD: dict[str, tuple[str, str]] = {  # what a package's prepare does, and what its run must say
    # starts processes
    "forks": ("os.fork()", rf"{STARTS} \(os.fork, fixes.py line {LINE}\)"),
    "runs": (
        "subprocess.run(['sleep', '60'])",
        rf"{STARTS} \(subprocess.Popen sleep, fixes.py line {LINE}\)",
    ),
    "shells": ("os.system('sleep 60 &')", STARTS),
    "popens": ("os.popen('sleep 60').read()", STARTS),
    "spawns": ("os.posix_spawn('/bin/sleep', ['sleep', '60'], {})", STARTS),
    "spawns_more": ("os.spawnv(os.P_NOWAIT, '/bin/sleep', ['sleep', '60'])", STARTS),
    "terminals": ("pty.fork()", STARTS),
    "multiplies": ("multiprocessing.Process(target=time.sleep, args=(60,)).start()", STARTS),
    "multiplies_anew": (
        "multiprocessing.get_context('spawn').Process(target=time.sleep, args=(60,)).start(); time.sleep(60)",
        "started a process",
    ),
    "forks_in_c": ("libc.fork() or libc.sleep(60); libc.sleep(60)", "started a process"),
    "leaves_a_daemon": (
        "libc.fork() or (libc.setsid(), libc.fork() and os._exit(0), libc.sleep(60))",
        "started a proc",
    ),
    "becomes_another": (
        "os.execv('/bin/sleep', ['sleep', '60'])",
        "tried to become another program",
    ),
    "kills_the_hub": ("os.kill(os.getppid(), signal.SIGKILL)", "tried to send a signal to process"),
    # takes memory
    "takes_at_once": ("x = bytearray(8 << 30)", NO_MEMORY),
    "takes_bit_by_bit": ("x = [bytearray(16 << 20) for _ in range(512)]", NO_MEMORY),
    "takes_in_polars": ("x = pl.zeros(10**9, eager=True)", NO_MEMORY),
    "grows_in_polars": ("x = [pl.zeros(10**6, eager=True) + n for n in range(1000)]", NO_MEMORY),
    "takes_in_c": (
        "for n in range(128): libc.memset(libc.malloc(1 << 26) or time.sleep(60), 1, 1 << 26)",
        NO_MEMORY,
    ),
    "takes_shared": (
        "m = mmap.mmap(-1, 1 << 30); [m.write(b'x' * (1 << 20)) for _ in range(1024)]",
        NO_MEMORY,
    ),
    # writes where it must not
    "opens": (
        "(OTHER / 'x').open('w')",
        rf"{WRITES}: .*/landing/quang_tri/x \(open, fixes.py line {LINE}\)",
    ),
    "appends": ("(HOME / 'config' / 'hub.toml').open('a')", WRITES),
    "opens_low": ("os.open(HOME / 'x', os.O_WRONLY | os.O_CREAT)", WRITES),
    "opens_beside": (
        "os.open('x', os.O_WRONLY | os.O_CREAT, dir_fd=os.open(HOME, 0))",
        "(?i)permission denied",
    ),
    "opens_a_link": (
        "(scratch() / 'l').symlink_to(HOME / 'x'); (scratch() / 'l').write_text('x')",
        WRITES,
    ),
    "links": ("os.link(HOME / 'config' / 'hub.toml', scratch() / 'l')", WRITES),
    "removes": ("(HOME / 'config' / 'hub.toml').unlink()", WRITES),
    "removes_all": ("shutil.rmtree(OTHER)", WRITES),
    "renames": ("(HOME / 'config').rename(HOME / 'x')", WRITES),
    "moves": ("shutil.move(HOME / 'config', scratch())", WRITES),
    "makes": ("(HOME / 'x').mkdir()", WRITES),
    "points": ("(HOME / 'x').symlink_to('/etc')", WRITES),
    "truncates": ("os.truncate(HOME / 'config' / 'hub.toml', 0)", WRITES),
    "opens_up": ("(HOME / 'config').chmod(0o777)", WRITES),
    "databases": ("sqlite3.connect(HOME / 'hub.db')", WRITES),
    "writes_in_rust": ("frame.write_parquet(str(HOME / 'x'))", "(?i)permission denied"),
    "pipes": ("os.mkfifo(scratch() / 'p')", "(?i)permission denied"),
    # reads what is not its own
    "reads_secrets": ("raise KeyError(dict(os.environ))", "reading raised KeyError"),
    "reads_the_hubs": (
        "raise KeyError(Path(f'/proc/{os.getppid()}/environ').read_bytes())",
        "reading raised (KeyError|PermissionError)",
    ),
    "opens_a_secret": (
        "(HOME / 'secrets' / 'quang_tri' / 'x').read_text()",
        rf"{SECRET}: .*/secrets/quang_tri/x \(open, fixes.py line {LINE}\)",
    ),
    "opens_a_secret_low": ("os.open(HOME / 'secrets' / 'quang_tri' / 'x', os.O_RDONLY)", SECRET),
    "opens_a_secret_by_a_link": (
        "(scratch() / 'l').symlink_to(HOME / 'secrets'); (scratch() / 'l' / 'quang_tri' / 'x').read_bytes()",
        SECRET,
    ),
    "opens_a_secret_by_steps": (
        "open('../../secrets/quang_tri/../quang_tri/x', 'rb').read()",
        SECRET,
    ),
    "opens_their_folder": ("os.open(HOME / 'secrets', os.O_RDONLY | os.O_DIRECTORY)", SECRET),
    "copies_a_secret": (
        "shutil.copyfile(HOME / 'secrets' / 'quang_tri' / 'x', scratch() / 'x')",
        SECRET,
    ),
    "opens_a_named_secret": ("(HOME.parent / 'named').read_text()", rf"{SECRET}: .*/named \(open"),
    # does not end, or does not answer
    "loops_in_c": ("sum(itertools.repeat(0))", f"gave no answer within {SECONDS} s"),
    "closes_its_pipe": (
        "os.closerange(3, 50); time.sleep(60)",
        "closed the pipe on which its answer was awaited",
    ),
    "answers_by_half": (
        "[(os.write(n, b'{\"answer\": {'), os.close(n)) for n in answers()]; time.sleep(60)",
        "closed the pipe on which its answer was awaited",
    ),
    # fills the disk
    "prints": ("while True: os.write(1, b'x' * (1 << 20))", PRINTED),
    "complains": ("while True: sys.stderr.write('x' * (1 << 20))", PRINTED),
    "writes_much": (
        "with (scratch() / 'x').open('wb') as f: [f.write(b'x' * (1 << 20)) for _ in range(1024)]",
        "wrote a file larger than the 32 MB that file_mb in hub.toml allows",
    ),
    "fills": (
        "[(scratch() / str(n)).write_bytes(b'x' * (1 << 23)) for n in range(12)]; time.sleep(60)",
        NO_ROOM,
    ),
    "fills_and_answers": (
        "[(scratch() / str(n)).write_bytes(b'x' * (1 << 23)) for n in range(12)]",
        NO_ROOM,
    ),
    "fills_unseen": (
        "fs = [tempfile.TemporaryFile() for _ in range(12)]; [f.write(b'x' * (1 << 23)) for f in fs]; time.sleep(60)",
        NO_ROOM,
    ),
}


@dataclass
class Night:
    """What a night came to: its report, how long it took, and what its children took."""

    home: Path
    answer: dict[str, Any]
    gathers: dict[str, dict[str, Any]]
    seconds: float
    peak_mb: float
    left: list[str]
    before: dict[str, bytes]


def hub(home: Path, *words: str) -> subprocess.Popen[str]:
    mine = {"HUB_HOME": str(home), "PATH": f"{os.environ['PATH']}:{MINE}"}
    environment = {
        **os.environ,
        **mine,
        "HUB_SECRET_QUANG_TRI__X": CANARY,
        "AWS_SECRET_ACCESS_KEY": CANARY,
    }
    return subprocess.Popen(
        [*HUB, *words, "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ask(home: Path, *words: str) -> Any:
    return json.loads(hub(home, *words).communicate(timeout=60)[0])


def started() -> list[str]:
    """The processes of this machine that a hub of this test, or one of its children, has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if MINE.encode() in path.read_bytes():
                found.append((path.parent / "cmdline").read_text())
    return found


def plain_files(home: Path) -> dict[str, bytes]:
    """The files of a home that no night changes."""
    folders = home / "config", home / "secrets"
    return {
        str(path): path.read_bytes()
        for each in folders
        for path in each.rglob("*")
        if path.is_file()
    }


def put_secrets(home: Path) -> None:
    """A secret of the good province in the home, and one in a file that hub.toml names."""
    named = home.parent / "named"
    for path in (home / "secrets" / GOOD / "x", named):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CANARY, encoding="utf-8")
        path.chmod(0o600)
    with (home / "config" / "hub.toml").open("a", encoding="utf-8") as file:
        file.write(f"[secrets.{GOOD}]\ny = {{ file = '{named}' }}\n")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """One night of the good province and all the bad ones, through the command."""
    nights = Nights(tmp_path_factory.mktemp("bad"))
    head = HEAD.format(home=str(nights.home))
    for name, (code, _) in BAD.items():
        nights.prepare(name, f"{head}    {code}\n    return frame\n")
    home = nights.make(seconds=SECONDS, memory_mb=MEMORY, file_mb=FILE, scratch_mb=SCRATCH)
    put_secrets(home)
    ask(home, "night", "--now", NIGHT, "--period", "2026-M10", "--province", GOOD)
    before, peak = plain_files(home), [0.0]
    begun = time.monotonic()
    process = hub(home, "night", "--now", NIGHT, "--period", "2026-M10")
    watch = threading.Thread(target=watched, args=(process, peak))
    watch.start()
    out, complaints = process.communicate(timeout=300)
    seconds = time.monotonic() - begun
    watch.join()
    assert out, complaints
    answer = json.loads(out)
    gathers = {each["province"]: each for each in answer["gathers"]}
    return Night(home, answer, gathers, seconds, peak[0], started(), before)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_package_fails_its_own_run_by_name(night: Night, name: str) -> None:
    report = night.gathers[name]
    assert report["outcome"] == "failed", report
    assert re.search(BAD[name][1], report["error"]), report["error"]
    assert f"province {name}, provision telecom" in report["error"]
    assert report["revisions"] == {}


def test_the_good_province_is_in_the_release_with_its_figures(night: Night) -> None:
    assert night.gathers[GOOD]["error"] is None
    shown = ask(night.home, "release", "show", "TELECOM/2026-M10")
    [released] = [each for each in night.answer["releases"] if each["period"] == "2026-M10"]
    assert released["state"] in ("frozen", "unchanged"), released
    figures = {
        f["indicator"]: f["value"]
        for f in shown["figures"]
        if f["org_unit"].startswith("vn-quang-tri")
    }
    assert figures


def test_the_night_ends_in_time_and_memory(night: Night) -> None:
    assert night.seconds < 2 * len(BAD) + SECONDS
    assert night.peak_mb < MEMORY + SLACK


def test_no_process_lives_on(night: Night) -> None:
    assert night.left == []


def test_nothing_was_written_outside(night: Night) -> None:
    assert plain_files(night.home) == night.before
    assert not (night.home / "x").exists()
    assert not (night.home / "landing" / GOOD / "x").exists()
    assert list((night.home / "scratch").iterdir()) == []


def test_no_secret_is_seen(night: Night) -> None:
    assert CANARY not in json.dumps(night.answer)
    for path in night.home.rglob("*"):
        if path.is_file() and night.home / "secrets" not in path.parents:
            assert CANARY.encode() not in path.read_bytes(), path
