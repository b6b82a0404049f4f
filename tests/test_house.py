"""The house itself: who may import whom, what start-up costs, and that each contract bites."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BREACHES = [
    ("The house has floors", "hub_core/model/period.py", "import hub_core.store.store"),
    ("The house has floors", "hub_core/unplaced.py", "VALUE = 1"),
    ("Stages do not know one another", "hub_core/stages/land.py", "import hub_core.stages.collect"),
    (
        "The core knows neither connectors nor provinces",
        "hub_core/upkeep/check.py",
        "import connectors.readers.csv",
    ),
    (
        "Plugins and connectors import the core at its root only",
        "connectors/readers/csv.py",
        "import hub_core.landing.zone",
    ),
    (
        "Plugins and connectors import the core at its root only",
        "plugins/thanh_hoa/hub_provinces/thanh_hoa/__init__.py",
        "import hub_core.store",
    ),
    (
        "Connectors do not know one another",
        "connectors/readers/csv.py",
        "import connectors.readers.json",
    ),
    (
        "What connectors share has floors",
        "connectors/workbook/grid.py",
        "import connectors.forms.layout",
    ),
    (
        "Provinces do not know one another",
        "plugins/thanh_hoa/hub_provinces/thanh_hoa/__init__.py",
        "import hub_provinces.quang_tri",
    ),
    ("The middle is pure", "hub_core/stages/aggregate.py", "import sqlalchemy"),
    (
        "A child reaches neither the store nor the secrets",
        "hub_core/stages/seal.py",
        "import sqlalchemy",
    ),
]


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    folders = ":".join(str(path) for path in sorted((root / "plugins").iterdir()) if path.is_dir())
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--config", ".importlinter"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root}:{folders}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source that a test may break."""
    copy = tmp_path_factory.mktemp("house")
    for name in ("hub_core", "connectors", "plugins"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", copy)
    return copy


def test_every_contract_is_kept(house: Path) -> None:
    done = lint(house)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("contract", "file", "line"), BREACHES)
def test_each_contract_bites(house: Path, contract: str, file: str, line: str) -> None:
    path = house / file
    before = path.read_text(encoding="utf-8") if path.exists() else None
    try:
        path.write_text((before or '"""New."""\n') + f"\n{line}\n", encoding="utf-8")
        done = lint(house)
        assert f"{contract} BROKEN" in done.stdout, done.stdout
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before, encoding="utf-8")


def test_the_contracts_name_every_connector_and_stage() -> None:
    told = (ROOT / ".importlinter").read_text(encoding="utf-8")
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in (
            *(f"connectors/{role}" for role in ("sources", "readers", "writers", "sinks")),
            "hub_core/stages",
        )
        for path in ROOT.glob(f"{folder}/*.py")
        if path.name != "__init__.py"
    }
    assert {name for name in modules if f"    {name}\n" not in told} == set()


def test_no_module_of_the_core_imports_the_public_face() -> None:
    import hub_core

    for path in ROOT.glob("hub_core/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "hub_core":
                names = {alias.name for alias in node.names}
                assert not names & set(hub_core.__all__), f"{path} imports {names} from the root"


def test_the_public_face_is_sorted_and_names_nothing_above_the_hooks() -> None:
    import hub_core

    assert hub_core.__all__ == sorted(hub_core.__all__)
    assert set(hub_core._HOMES) <= {
        "contracts",
        "errors",
        "hookspecs",
        "model.exchange",
        "model.finding",
        "config.province",
        "rules",
    }
    assert all(getattr(hub_core, name) for name in hub_core.__all__)


def test_packages_of_stages_and_connectors_import_nothing() -> None:
    for path in [ROOT / "hub_core/stages/__init__.py", *ROOT.glob("connectors/**/__init__.py")]:
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert len(body) == 1, f"{path} has more than its docstring"


def loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(' '.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_importing_the_root_loads_no_heavy_library() -> None:
    assert not loaded_by("import hub_core") & {
        "polars",
        "pydantic",
        "sqlalchemy",
        "httpx",
        "pluggy",
        "typer",
    }


def test_asking_for_help_loads_no_heavy_library() -> None:
    code = (
        "import sys; sys.argv = ['hub', '--help']\n"
        "from hub_core.cli import main\n"
        "try: main()\nexcept SystemExit as end: assert end.code == 0"
    )
    assert not loaded_by(code) & {
        "polars",
        "pydantic",
        "sqlalchemy",
        "httpx",
        "pluggy",
        "xlsxwriter",
        "alembic",
    }


def test_a_hub_that_opens_its_home_loads_no_frames_yet() -> None:
    code = "import hub_core.home, hub_core.pipeline.night, hub_core.cli.journeys"
    assert not loaded_by(code) & {"polars", "httpx", "holidays", "alembic", "apscheduler", "rich"}


def test_no_child_needs_what_is_the_hubs_alone() -> None:
    """Also what is imported late; an isolated child does not see these."""
    import grimp

    from hub_core.engine.shared import HUB_ALONE

    graph = grimp.build_graph(
        "hub_core", "connectors", include_external_packages=True, exclude_type_checking_imports=True
    )
    mine = [
        name for name in graph.modules if re.match(r"hub_core\.child(\.|$)|connectors(\.|$)", name)
    ]
    needed = {above for name in mine for above in graph.find_upstream_modules(name)}
    assert {"polars", "pydantic", "httpx"} <= needed
    assert not needed & HUB_ALONE


def test_a_child_that_is_ready_has_loaded_no_database() -> None:
    code = (
        "import hub_core.child, hub_core.child.gathering, hub_core.packages.load\n"
        "hub_core.packages.load.ConnectorRegistry(['connectors'])"
    )
    assert not loaded_by(code) & {"sqlalchemy", "alembic", "apscheduler", "fastapi", "typer"}


SOURCES = ("hub_core", "connectors", "plugins")
ROOMS_TO_COME = {"access", "review", "signing", "feed", "notices", "web"}
DRAWERS = {"_core", "base", "common", "helpers", "manager", "misc", "tools", "util", "utils"}


def modules_of(*folders: str) -> list[Path]:
    return [path for name in folders for path in (ROOT / name).rglob("*.py")]


def test_the_core_reads_as_a_table_of_contents() -> None:
    names = {path.name for path in (ROOT / "hub_core").iterdir() if path.name != "__pycache__"}
    assert len(names - ROOMS_TO_COME) <= 30, sorted(names)


def test_no_module_is_longer_than_it_may_be() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in modules_of(*SOURCES)
        if "migrations" not in path.parts
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long, f"split them: {long}"


def test_a_package_of_many_modules_says_why() -> None:
    for path in modules_of("hub_core", "connectors"):
        if path.name == "__init__.py" and len(list(path.parent.glob("*.py"))) > 17:
            reason = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            assert "modules" in reason, f"{path.parent} has more than 16 modules: say why, or split"


def test_names_say_what_they_hold() -> None:
    """``told`` stood for a hundred things; a name says which."""
    for path in modules_of(*SOURCES, "docs"):
        with path.open("rb") as file:
            names = {t.string for t in tokenize.tokenize(file.readline) if t.type == tokenize.NAME}
        assert not names & {"told", "_told"}, f"{path}: name what it holds"


def test_there_are_no_drawers() -> None:
    drawers = {str(p.relative_to(ROOT)) for p in modules_of(*SOURCES, "tests") if p.stem in DRAWERS}
    assert not drawers, f"name them for what they hold: {drawers}"


def test_no_address_of_a_package_index_is_in_the_lock() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert re.fullmatch(r"(?:[A-Za-z0-9_.-]+==[A-Za-z0-9_.!+-]+\n)+", lock)
