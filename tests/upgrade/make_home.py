"""Makes a home that an older version leaves behind, and what that version says of it.

Run it with the Python of the older version, in that version's own tree::

    git worktree add ../old 4d81597 && cd ../old && make .venv/.installed
    .venv/bin/python ../NEW/tests/upgrade/make_home.py ../NEW/tests/upgrade/4d81597

It writes ``home.tar.zst`` (the home, its packages and the provinces' systems) and ``said.json``
(what the commands of that version print of it). Two nights are lived: the first, and one that finds
a corrected cell, a system with a row out of scope (held), a nil return, and a part that is as it
was. A third night is lived on a copy; what came of it is in ``said.json`` too, and any later
version must give the same.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import zstandard

from hub_core.testing.home import make_home
from hub_core.testing.ministry import SampleMinistry
from hub_core.testing.samples import SampleSystems

PACKAGES = ("quang_tri", "thanh_hoa", "tong_cuc_thong_ke")
PROVISIONS = (
    "quang_tri/telecom",
    "thanh_hoa/telecom",
    "tong_cuc_thong_ke/communes",
    "tong_cuc_thong_ke/population",
)
FIRST, SECOND, THIRD = "2026-11-06T02:00", "2026-11-07T02:00", "2026-11-08T02:00"
TRACED = [
    ("TELECOM/2026-M10", "VT.03", "cluster-5"),
    ("TELECOM/2026-M10/v1", "VT.03", "vn-thanh-hoa"),
    ("TELECOM/2026-Q3", "VT.06", "cluster-5"),
    ("DENOMINATORS/2025", "KX.90", "cluster-5"),
]


def run(environment: dict[str, str], *words: str) -> Any:
    """What a command prints as JSON."""
    command = [sys.executable, "-c", "from hub_core.cli import main; main()", *words, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    return json.loads(done.stdout)


def correct(systems: SampleSystems, name: str, period: str, code: str, value: str) -> None:
    """Change one cell of a sample gateway."""
    [row] = [r for r in systems.servers[name].rows[period] if r["ma_chi_tieu"] == code]
    row["gia_tri"] = value


def say(environment: dict[str, str], gathers: list[dict[str, Any]]) -> dict[str, Any]:
    """What a version says of a home: revisions, releases, figures, paths to the cell, replays."""
    releases = run(environment, "release", "list")
    names = sorted(release["release"] for release in releases)
    return {
        "revisions": {name: run(environment, "revision", "list", name) for name in PROVISIONS},
        "releases": releases,
        "figures": {name: run(environment, "release", "show", name) for name in names},
        "verified": {name: run(environment, "release", "verify", name) for name in names},
        "quarantine": run(environment, "finding", "quarantine"),
        "findings": run(environment, "finding", "list"),
        "obligations": run(environment, "obligation", "list", "--now", SECOND),
        "traces": [run(environment, "trace", *words) for words in TRACED],
        "doctor": run(environment, "doctor", "--deep"),
        "gathers": gathers,
    }


def _ministry(work: Path) -> SampleMinistry:
    return SampleMinistry(ledger_path=work / "ledger.jsonl")


def live(work: Path) -> tuple[Path, dict[str, Any]]:
    """Two nights in a home, and a third one on a copy of it; the home and what was said."""
    packages, home = work / "packages", work / "home"
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path("plugins") / name, packages / name, ignore=ignored)
    with SampleSystems(packages, work / "systems") as systems, _ministry(work) as ministry:
        home.mkdir()
        make_home(home, Path("config"), [packages], systems.sources, ministry.url)
        environment = {**os.environ, **systems.environment, "HUB_HOME": str(home)}
        first = run(environment, "night", "--now", FIRST)
        correct(systems, "thanh_hoa/telecom", "2026-M10", "VT-03", "3.402.218")
        held = next(Path("plugins/quang_tri/samples/telecom").glob("*-held")) / "payload.csv"
        shutil.copy(held, work / "systems" / "quang_tri" / "telecom" / "telecom-2026-Q2.csv")
        second = run(environment, "night", "--now", SECOND)
        gather = ["gather", "--province", "quang_tri", "--period", "2026-Q2", "--now", SECOND]
        run(environment, *gather)
        said = {"before": say(environment, [*first["gathers"], *second["gathers"]])}
        said["rows"] = {name: server.rows for name, server in systems.servers.items()}
        kept = work / "kept"
        shutil.copytree(home, kept, symlinks=True)
        shutil.copy(work / "ledger.jsonl", kept / "ministry.jsonl")
        correct(systems, "thanh_hoa/telecom", "2026-Q3", "VT-03", "3.400.000")
        third = run(environment, "night", "--now", THIRD)
        said["third night"] = third
        said["after"] = say(environment, third["gathers"])
        said["changed rows"] = {name: server.rows for name, server in systems.servers.items()}
        places = {str(packages): "@PACKAGES@", str(work / "systems"): "@SYSTEMS@"}
        places |= {ministry.url: "@MINISTRY@"}
        for name, server in systems.servers.items():
            places[server.url] = f"@{name}@"
    for path in [kept / "config" / "hub.toml", kept / "config" / "deliveries" / "ministry.toml"]:
        text = path.read_text(encoding="utf-8")
        for place, word in places.items():
            text = text.replace(place, word)
        path.write_text(text, encoding="utf-8")
    return kept, said


def pack(folders: dict[str, Path], target: Path) -> None:
    """Write folders as one archive, the same bytes whenever it is made of the same files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, folder in sorted(folders.items()):
            for path in sorted(folder.rglob("*")):
                info = archive.gettarinfo(str(path), f"{name}/{path.relative_to(folder)}")
                info.mtime, info.uid, info.gid, info.uname, info.gname = 0, 0, 0, "", ""
                with path.open("rb") if info.isreg() else io.BytesIO() as file:
                    archive.addfile(info, file if info.isreg() else None)
    target.write_bytes(zstandard.ZstdCompressor(level=19).compress(packed.getvalue()))


def main() -> None:
    target = Path(sys.argv[1]).resolve()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        home, said = live(work)
        folders = {"home": home, "packages": work / "packages", "systems": work / "systems"}
        pack(folders, target / "home.tar.zst")
        text = json.dumps(said, ensure_ascii=False, sort_keys=True, indent=1)
        text = text.replace(str(work / "home"), "@HOME@")
        (target / "said.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
