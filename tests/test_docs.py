"""The pages.

What they name exists, what they show works, and what is written from the code is up to date.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pluggy
import pytest
import typer

from hub_core import Province, hookspecs
from hub_core.cli.app import app
from hub_core.config import operator as config
from hub_core.config import settings
from hub_core.config.province import Provision
from hub_core.contracts import Reader, Sink, Source, Writer
from hub_core.packages import load as plugins
from hub_core.rules import RULES, Rule
from hub_core.testing.suite import ProvinceSuite

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
READMES = [ROOT / "README.md", ROOT / "README.vi.md"]
PAGES = sorted([*DOCS.rglob("*.md"), *READMES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"])
HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("hub_"))
COMMAND = re.compile(r"^(?:\$ |ExecStart=|.*&& )?(?:\S*/)?hub (?P<words>[a-z].*)$")
FENCE = re.compile(
    r"(?P<marks>(?:<!-- [^\n]* -->\n)*)```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A fenced block, and what the comments right above it say of it."""

    language: str
    text: str
    marks: tuple[str, ...]

    @property
    def file(self) -> str | None:
        """The file that it shows."""
        return next(
            (mark.removeprefix("file: ") for mark in self.marks if mark.startswith("file: ")), None
        )


def blocks(path: Path) -> list[Block]:
    found = FENCE.finditer(path.read_text(encoding="utf-8"))
    return [
        Block(m["language"], m["text"], tuple(re.findall("<!-- (.*) -->", m["marks"])))
        for m in found
    ]


def marked(path: Path, mark: str) -> list[Block]:
    return [block for block in blocks(path) if mark in block.marks]


def commands(path: Path) -> list[str]:
    """The ``hub`` commands of a page's blocks, without the word hub."""
    lines = [line for block in blocks(path) for line in block.text.splitlines()]
    return [match["words"] for line in lines if (match := COMMAND.match(line))]


def page(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# What the pages name


@pytest.mark.parametrize("path", PAGES, ids=page)
def test_every_dotted_name_exists(path: Path) -> None:
    names = set(
        re.findall(r"(?<![\w/])(?:hub_core|connectors)(?:\.\w+)+", path.read_text(encoding="utf-8"))
    )
    for name in sorted(names):
        words, found = name.split("."), None
        for cut in range(len(words), 0, -1):
            try:
                found = importlib.import_module(".".join(words[:cut]))
            except ModuleNotFoundError:
                continue
            for word in words[cut:]:
                assert hasattr(found, word), f"{page(path)} names {name}, which is not there"
                found = getattr(found, word)
            break
        assert found is not None, f"{page(path)} names {name}, which is not there"


def test_the_walk_names_every_stage() -> None:
    text = (DOCS / "path.md").read_text(encoding="utf-8")
    stages = [
        path.stem for path in (ROOT / "hub_core" / "stages").glob("*.py") if path.stem != "__init__"
    ]
    assert [stage for stage in stages if f"hub_core.stages.{stage}." not in text] == []


@pytest.mark.parametrize("path", PAGES, ids=page)
def test_every_relative_link_points_to_something(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]*)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        if target and not target.startswith(("http://", "https://")):
            assert (path.parent / target).exists(), f"{page(path)} links to {target}"


@pytest.mark.parametrize("path", PAGES, ids=page)
def test_every_link_to_a_heading_finds_it(path: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)#([^)]*)\)", path.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            there = path.parent / target if target else path
            assert anchor in anchors(there), f"{page(path)} links to {target}#{anchor}"


def anchors(path: Path) -> set[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_contents() -> None:
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    names = [
        path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if path.name != "index.md"
    ]
    assert [name for name in names if f"({name})" not in text] == []


# The site


def test_the_site_is_built_without_a_warning_and_needs_no_other_host(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    for path in DOCS.rglob("*.md"):
        assert (tmp_path / path.relative_to(DOCS)).with_suffix(".html").exists()
    fetched = re.compile(
        r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"(?:https?:)?//[^\"]*"
        r"|url\([\"']?(?:https?:)?//|@import[^;]*//"
    )
    for path in [*tmp_path.rglob("*.html"), *tmp_path.rglob("*.css"), *tmp_path.rglob("*.svg")]:
        assert fetched.findall(path.read_text(encoding="utf-8")) == [], path.name


# Commands


@cache
def hub_command() -> Any:
    """``hub`` with all its commands; to make it takes as long as a hundred questions to it."""
    return typer.main.get_command(app)


@pytest.mark.parametrize("path", PAGES, ids=page)
def test_every_command_parses(path: Path) -> None:
    for line in commands(path):
        words = shlex.split(line, comments=True)
        command = hub_command()
        while hasattr(command, "commands"):
            assert words, f"{page(path)}: hub {line} is no command"
            assert words[0] in command.commands, f"{page(path)}: hub {line} is no command"
            command = command.commands[words.pop(0)]
        if path.name != "cli.md":  # where a usage line stands for all that can be said
            command.make_context("hub", words)


def test_the_pages_show_enough_commands_for_the_test_to_mean_something() -> None:
    for name, shown in {
        "install": {"init", "check", "province", "secret", "night", "serve"},
        "morning": {"status", "finding", "admit", "publish", "obligation", "brake", "backfill"},
        "repair": {"replay", "doctor", "backup", "restore"},
    }.items():
        assert {line.split()[0] for line in commands(DOCS / f"{name}.md")} >= shown
    assert len(commands(DOCS / "province.md")) >= 5


@pytest.mark.parametrize("path", READMES, ids=page)
def test_the_first_two_commands_are_make_demo_and_make_test(path: Path) -> None:
    first = [
        line for block in blocks(path) if block.language == "sh" for line in block.text.splitlines()
    ][:2]
    assert first == ["make demo", "make test"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{line.split()[1]}:", makefile, re.MULTILINE) for line in first)


# READMEs


def test_the_twins_have_the_same_sections() -> None:
    here, there = (
        re.findall("^#+ ", path.read_text(encoding="utf-8"), re.MULTILINE) for path in READMES
    )
    assert here == there
    shown = [[block.text for block in blocks(path)] for path in READMES]
    assert shown[0] == shown[1]


def test_the_excerpt_of_a_province_is_a_real_one() -> None:
    [shown] = [block.text for block in blocks(READMES[0]) if block.language == "toml"]
    declared = ROOT / "plugins" / "thanh_hoa" / "hub_provinces" / "thanh_hoa" / "telecom.toml"
    assert shown in declared.read_text(encoding="utf-8")


def test_the_walk_shows_the_part_of_the_sample() -> None:
    sample = (
        ROOT / "plugins" / "quang_tri" / "samples" / "telecom" / "2026-M10-invented" / "payload.csv"
    )
    assert "1.702.330" in sample.read_text(encoding="utf-8").splitlines()[2]  # line 3
    digest = hashlib.sha256(sample.read_bytes()).hexdigest()[:12]
    for path in [DOCS / "path.md", *READMES]:
        assert f"part {digest}: telecom-2026-M10.csv line 3 column Giá trị" in path.read_text(
            encoding="utf-8"
        )


# Pages written from the code


def test_the_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, DOCS / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_picture_is_shown_and_said_in_words() -> None:
    shown = {
        (path.parent / target).resolve()
        for path in PAGES
        for words, target in re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", path.read_text("utf-8"))
        if words
    }
    pictures = sorted(DOCS.glob("pictures/*.svg"))
    assert [path.stem for path in pictures] == [
        p.stem for p in sorted(DOCS.glob("pictures/*.toml"))
    ]
    assert {path.resolve() for path in pictures} == shown
    for path in pictures:
        root = ElementTree.parse(path).getroot()
        assert all(
            root.findtext(f"{{http://www.w3.org/2000/svg}}{name}") for name in ("title", "desc")
        )


def test_every_rule_is_published() -> None:
    text = (DOCS / "rules.md").read_text(encoding="utf-8")
    for code, rule in RULES.items():
        assert f"| {code} | {rule.text.vi} | {rule.text.en} |" in text


# Hooks


def example(section: str) -> dict[str, Any]:
    """What the example of a section of hooks.md defines."""
    text = (DOCS / "hooks.md").read_text(encoding="utf-8")
    found = re.search(rf"^##+ {section}\n(.*?)(?=^##|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"hooks.md has no section {section}"
    [code] = re.findall("```python\n(.*?)```", found[1], re.DOTALL)
    names: dict[str, Any] = {"__name__": f"example_{section}"}
    exec(compile(code, f"hooks.md, {section}", "exec"), names)
    return names


def offered(hook: str) -> Any:
    """What the example of a hook gives when it is asked as the hub asks."""
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    names = example(hook)
    names["__name__"] = "hub_provinces.quang_tri"  # whose files are there
    manager.register(type("Package", (), {hook: staticmethod(names[hook])}))
    manager.check_pending()
    [given] = getattr(manager.hook, hook)()
    return given


def test_hub_province_as_the_page_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "plugins" / "quang_tri")
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name.startswith("hub_provinces")]:
        monkeypatch.delitem(sys.modules, name)  # an earlier test's packages lie elsewhere
    try:
        given = offered("hub_province")
    finally:
        for name in [name for name in sys.modules if name.startswith("hub_provinces")]:
            del sys.modules[name]
    assert isinstance(given, Province)
    assert given.id == "quang_tri"


def test_hub_connectors_as_the_page_shows_it() -> None:
    [writer] = offered("hub_connectors")
    assert issubclass(writer, Writer)
    assert writer.kind == "lines"
    loaded = plugins.ConnectorRegistry(["connectors"])
    loaded._add_connector(writer)
    assert isinstance(loaded.make(Writer, {"kind": "lines"}, "here"), Writer)


def test_hub_rules_as_the_page_shows_it() -> None:
    [rule] = offered("hub_rules")
    assert isinstance(rule, Rule)
    assert rule.row_checks is not None
    assert rule.row_checks(None)[0].field == "value"  # type: ignore[arg-type]  # the example looks at no context


def test_every_hook_has_a_section_and_a_test() -> None:
    tests = [path for folder in ("tests", "plugins") for path in (ROOT / folder).rglob("test_*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in tests)
    for hook in HOOKS:
        assert example(hook)
        assert re.search(rf"def test_{hook}\w*\(", text), f"no test is named for {hook}"


@pytest.mark.parametrize(("role", "kind"), [(Source, "drop"), (Reader, "pairs"), (Sink, "shelf")])
def test_each_role_has_an_example_that_fits(role: type[Any], kind: str, tmp_path: Path) -> None:
    made = [
        each
        for each in example(role.__name__).values()
        if isinstance(each, type) and issubclass(each, role)
    ]
    [connector] = [each for each in made if each is not role]
    assert connector.kind == kind
    settings = (
        {"path": str(tmp_path / "{period}.csv")} if role is Source else {"path": str(tmp_path)}
    )
    one = connector(connector.Settings.model_validate({} if role is Reader else settings))
    _try_out(one, tmp_path)


def _try_out(one: Source | Reader | Sink, folder: Path) -> None:
    from datetime import date

    from hub_core import PayloadPart, Request, RequestedPeriod

    if isinstance(one, Source):
        (folder / "2026-M10.csv").write_bytes(b"a")
        october = RequestedPeriod("2026-M10", date(2026, 10, 1), date(2026, 10, 31))
        assert [part.content for part in one.fetch(Request((october,)), None)] == [b"a"]
    elif isinstance(one, Reader):
        part = PayloadPart(b"VT.03 = 1\nVT.04=22\n", "text/plain", "", "file")
        [frame] = one.read(part)
        assert frame.rows() == [("VT.03", "1", 0), ("VT.04", "22", 1)]
        assert one.locate(part, 1, "figure") == ("file line 2", "22")
    else:
        assert one.send("ab", io.BytesIO(b"content"), "text/plain").state == "received"
        assert (folder / "ab").read_bytes() == b"content"


# TOML


@pytest.mark.parametrize("path", PAGES, ids=page)
def test_every_toml_block_is_toml(path: Path) -> None:
    for block in blocks(path):
        if block.language == "toml":
            tomllib.loads(block.text)


def test_what_is_marked_as_a_provision_is_one() -> None:
    found = marked(DOCS / "province.md", "provision")
    assert len(found) >= 2
    for block in found:
        Provision.model_validate(tomllib.loads(block.text))


def test_every_key_of_a_provision_is_explained() -> None:
    from hub_core.mapping import Mapping, MapRule, ValueRule

    text = (DOCS / "province.md").read_text(encoding="utf-8")
    for model in (Provision, Mapping, MapRule, ValueRule):
        assert [
            key
            for key in model.model_fields
            if not re.search(rf"`\[?{key}\]?|^\| {key} ", text, re.MULTILINE)
        ] == []


def test_the_operators_files_are_as_the_hub_reads_them() -> None:
    for name, mark, model in [
        ("reference.md", "hub.toml", settings.HubSettings),
        ("install.md", "obligation", config.Obligation),
        ("install.md", "delivery", config.Delivery),
    ]:
        [block] = marked(DOCS / name, mark)
        shown = tomllib.loads(block.text)
        for each in shown.get(mark, [shown]):
            model.model_validate(each)


def test_every_key_of_hub_toml_is_shown() -> None:
    [block] = marked(DOCS / "reference.md", "hub.toml")
    shown = tomllib.loads(block.text)
    assert set(shown) == set(settings.HubSettings.model_fields)
    for name, model in (("store", settings.StoreSettings), ("plugins", settings.PluginSettings)):
        assert set(shown[name]) == set(model.model_fields)
    for name, model in (("gather", settings.GatherSettings), ("schedule", settings.Schedule)):
        assert set(shown[name]) == set(model.model_fields)


# The tutorial


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tutorial was followed up to its last step."""
    folder = tmp_path_factory.mktemp("tutorial")
    for block in blocks(DOCS / "province.md"):
        if block.file is not None:
            path = folder / "packages" / "ha_tinh" / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    assert hub(folder, "init", "home")["home"]
    toml = folder / "home" / "config" / "hub.toml"
    text = toml.read_text(encoding="utf-8")
    assert "folders = []" in text
    systems = folder / "systems"
    systems.mkdir()
    text = text.replace("folders = []", 'folders = ["../packages"]')
    toml.write_text(
        f"{text}\n[sources.ha_tinh.telecom]\npath = {json.dumps(str(systems))}\n", encoding="utf-8"
    )
    sample = folder / "packages/ha_tinh/samples/telecom/2026-M10-invented/payload.csv"
    (systems / "vien-thong-2026-M10.csv").write_bytes(sample.read_bytes())
    return folder


def hub(folder: Path, *words: str) -> Any:
    """What a command says in JSON; it must not fail."""
    done = subprocess.run(
        [sys.executable, "-c", "from hub_core.cli import main; main()", *words, "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_tutorial_checks(tutorial: Path) -> None:
    answer = hub(tutorial, "check", "--home", "home")
    assert answer["provinces"] == ["ha_tinh"]
    assert [each for each in answer["problems"] if each["severity"] == "error"] == []


def test_the_tutorial_passes_the_suite(tutorial: Path) -> None:
    suite = type(
        "Suite",
        (ProvinceSuite,),
        {"package": tutorial / "packages" / "ha_tinh", "config": ROOT / "config"},
    )()
    names = [name for name in dir(suite) if name.startswith("test_")]
    assert len(names) >= 6
    for name in names:
        getattr(suite, name)()


def test_the_tutorial_ends_at_the_cell_that_it_shows(tutorial: Path) -> None:
    gathered = hub(
        tutorial, "gather", "--home", "home", "--period", "2026-M10", "--now", "2026-11-06T02:00"
    )
    [report] = gathered["gathers"]
    assert (report["outcome"], report["counts"]["new"], report["counts"]["ignored"]) == (
        "done",
        3,
        3,
    )
    hub(tutorial, "publish", "TELECOM", "2026-M10", "--home", "home", "--now", "2026-11-06T02:00")
    cell = hub(tutorial, "trace", "TELECOM/2026-M10", "VT.07", "vn-ha-tinh", "--home", "home")[
        "figure"
    ]["cell"]
    shown = f"`{cell['locator']}  ->  {cell['text']!r}`"
    assert shown in (DOCS / "province.md").read_text(encoding="utf-8")


def test_what_is_shown_as_shipped_stands_in_that_file() -> None:
    shown = re.findall(
        r"<!-- shipped: (\S+) -->\n```toml\n(.*?)```",
        (DOCS / "excel.md").read_text("utf-8"),
        re.DOTALL,
    )
    assert len(shown) == 3
    for path, block in shown:
        assert block.strip() in (DOCS.parent / path).read_text(encoding="utf-8"), path


def test_the_page_of_hooks_names_every_key_of_a_document_and_every_special_column() -> None:
    from dataclasses import fields

    from connectors.readers.csv import OWN
    from hub_core import Document, DocumentFigure, DocumentReporter

    page = (DOCS / "hooks.md").read_text(encoding="utf-8")
    keys = {
        field.name
        for kind in (Document, DocumentFigure, DocumentReporter)
        for field in fields(kind)
    }
    missing = {name for name in keys | set(OWN) | {"#of"} if f"`{name}`" not in page}
    assert not missing, f"docs/hooks.md does not name {missing}"
