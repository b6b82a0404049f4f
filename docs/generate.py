"""Writes what is made from code and configuration: pages, schemas and pictures.

With ``--check`` it says whether they are up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import schemas
import typer
from drawing import Picture

if TYPE_CHECKING:
    from hub_core.model.catalogue import Catalogue, Dataflow, Indicator

HERE = Path(__file__).parent
NOTE = "<!-- Written by docs/generate.py from the code. Change the code, then: python docs/generate.py -->"
FROM_CONFIG = NOTE.replace(
    "from the code. Change the code,", "from config/catalogue and config/dataflows. Change these,"
)
WORDS = {
    "info": "thông tin",
    "warning": "cảnh báo",
    "error": "lỗi",
    "blocking": "chặn",
    "row": "từng dòng",
    "submission": "cả lần gửi",
    "history": "so với số liệu hiện hành",
    "hub": "giữa các nguồn báo cáo",
}
OWNERS = {"province": "tỉnh", "hub": "đơn vị vận hành", "ministry": "bộ"}
SEVERITIES = [
    ("info, warning", "thông tin, cảnh báo", "The row stays.", "Giữ nguyên dòng số liệu."),
    (
        "error",
        "lỗi",
        "The row leaves to the quarantine with its reason and its place; the rest is admitted.",
        "Loại dòng đó, ghi rõ lý do và vị trí; phần còn lại được tiếp nhận.",
    ),
    (
        "blocking",
        "chặn",
        "The whole submission is held: it has a number and can be looked at, but counts for nothing until the operator"
        " accepts it with a reason. A later one from the province takes its place.",
        "Giữ cả lần gửi: có số, xem được, chưa dùng để tổng hợp, cho đến khi tỉnh gửi lại hoặc đơn vị vận hành chấp"
        " nhận và nêu lý do.",
    ),
]
NOTES = [
    "- A row under V015 leaves to the quarantine as well; accepting its submission does not admit it.",
    "- Of rows that repeat a key (V006) the first stays.",
    "- V012 is counted with the run (`not_asked`) and makes no finding.",
    "- V018 moves no row: a figure that two provisions report is left out of the release, for the operator to settle.",
    "- V026 moves no row: figures in a unit of another time are in no release until they are read again.",
    "- `MINISTRY` is no rule of the hub: it is a figure that a receipt does not take, put before its province.",
    "",
    "- Dòng vi phạm V015 cũng bị loại; chấp nhận lần gửi không có nghĩa là chấp nhận dòng đó.",
    "- Khi trùng khóa (V006), dòng đầu tiên được giữ lại.",
    "- V012 chỉ được đếm trong lần chạy (`not_asked`), không bị ghi là vi phạm.",
    "- V018 không loại dòng nào: số liệu do hai nguồn cùng báo cáo không được đưa vào bản tổng hợp.",
    "- V026 không loại dòng nào: số liệu theo đơn vị tính cũ không vào bản tổng hợp cho đến khi được đọc lại.",
    "- `MINISTRY` không phải là quy tắc của hệ thống: đó là số liệu mà bộ không tiếp nhận, được trả về tỉnh.",
    "",
]
CALENDARS = {"S": "statistical, first to last day", "A": "administrative, 15th to 14th"}
FREQUENCIES = {"M": "month", "Q": "quarter", "S": "half-year", "N": "nine months", "A": "year"}
OVER_UNITS = {
    "sum": "added up",
    "sum*": "added up, an estimate: provinces may count the same",
    "ratio": "made anew: sum of numerators by sum of denominators",
    "none": "not added up",
}
OVER_TIME = {
    "sum": "added up",
    "last": "the last one stands",
    "avg": "averaged",
    "recompute": "made anew",
    "none": "each period by itself",
}
PLACEHOLDERS = {
    "Path": "PATH",
    "str": "TEXT",
    "list": "TEXT",
    "int": "NUMBER",
    "datetime": "TIME",
    "tuple": "NUMBER NUMBER",
}


def rules_page() -> str:
    """Write the rules that figures are held to, in Vietnamese and English."""
    from hub_core.rules import RULES

    texts = [rule.text for rule in RULES.values()]
    rows = [
        (
            t.code,
            t.vi,
            t.en,
            f"{t.severity} ({WORDS[t.severity]})",
            f"{t.scope} ({WORDS[t.scope]})",
            f"{t.owner} ({OWNERS[t.owner]})",
        )
        for t in sorted(texts, key=lambda text: text.code)
    ]
    return "\n".join(
        [
            NOTE,
            "",
            "# Rules · Quy tắc kiểm tra số liệu",
            "",
            "What a figure is held to. A broken rule is a finding: it has a code, a severity, an owner who acts next,"
            " and the place in the sender's own terms. `hub finding list` shows findings, `hub finding quarantine` the"
            " rows that were left out.",
            "",
            "Mỗi số liệu được kiểm tra theo các quy tắc dưới đây. Khi vi phạm, hệ thống ghi mã quy tắc, mức độ, bên xử"
            " lý và vị trí của số liệu theo cách gọi của đơn vị gửi.",
            "",
            *_table(
                ("Mã · Code", "Nội dung", "What is wrong", "Mức độ", "Phạm vi", "Bên xử lý"), rows
            ),
            "",
            "## Severity · Mức độ",
            "",
            *_table(("Severity", "Mức độ", "What it does", "Hệ quả"), SEVERITIES),
            "",
            *NOTES,
        ]
    )


def cli_page() -> str:
    """Every command with its arguments and options."""
    from hub_core.cli import main
    from hub_core.cli.app import app

    root: Any = typer.main.get_command(app)
    lines = [
        NOTE,
        "",
        "# Commands",
        "",
        str(root.help),
        "",
        _said(main.__doc__).replace("``", "`"),
        "",
    ]
    commands = list(_commands(root, "hub"))
    lines += [
        f"- [`{path}`](#{path.replace(' ', '-')}): {_said(command.help)}"
        for path, command in commands
    ]
    for path, command in commands:
        lines += [
            "",
            f"## {path}",
            "",
            _said(command.help),
            "",
            "```text",
            _usage(path, command),
            "```",
        ]
        rows = [_parameter(each) for each in command.params]
        if rows:
            lines += ["", *_table(("Argument or option", "What it says", "Default"), rows)]
    return "\n".join([*lines, ""])


def catalogue_page() -> str:
    """Every dataflow with its indicators, and the units."""
    from hub_core import structures

    found = structures.catalogue(structures.read_texts(HERE.parent / "config"))
    flows = sorted(found.dataflows.values(), key=lambda flow: flow.id)
    contents = [
        (
            f"[{flow.id}](#{flow.id.lower()})",
            flow.name_vi,
            flow.name_en,
            str(len(found.of_dataflow(flow.id))),
        )
        for flow in flows
    ]
    lines = [
        FROM_CONFIG,
        "",
        "# Catalogue · Danh mục chỉ tiêu",
        "",
        f"{len(found.indicators)} indicators in {len(flows)} dataflows, each in exactly one, and the units that they"
        " are counted in. An indicator whose code ends in `a` or `b` is there for the ratio of that code. What the"
        " columns mean: [words.md](words.md).",
        "",
        *_table(("Dataflow", "Biểu báo cáo", "Report", "Indicators"), contents),
    ]
    for flow in flows:
        lines += _of_dataflow(found, flow)
    units = [
        (
            u.name,
            u.name_en,
            str(u.decimals),
            str(u.per) if u.per > 1 else "",
            f"{u.factor:,f} {u.base}" if u.base else "",
        )
        for u in found.units.values()
    ]
    return "\n".join(
        [
            *lines,
            "",
            "## Units · Đơn vị tính",
            "",
            "A release rounds to these decimals, half up. Units of one base are converted into each other exactly.",
            "",
            *_table(("Đơn vị", "Unit", "Decimals", "Per", "Is"), units),
            "",
        ]
    )


def _of_dataflow(found: Catalogue, flow: Dataflow) -> list[str]:
    """Write the section of a dataflow."""
    columns = (
        *(
            "Mã · Code",
            "Chỉ tiêu",
            "Indicator",
            "Đơn vị · Unit",
            "Decimals",
            "Kind",
            "Over org units",
            "Over time",
        ),
        *("Reported by", "Range", "Made from"),
    )
    rows = [
        (
            each.code,
            each.name_vi,
            each.name_en,
            each.unit,
            str(found.decimals(each.code)),
            each.kind,
            f"averaged, weighed by {each.weight}; an estimate"
            if each.weight
            else OVER_UNITS[each.agg_space],
            OVER_TIME[each.agg_time],
            ", ".join(FREQUENCIES[frequency] for frequency in each.frequencies),
            each.range.replace(">=", "≥ ")
            .replace("<=", "≤ ")
            .replace(">0", "> 0")
            .replace("..", " to "),
            _made_from(found, each),
        )
        for each in found.of_dataflow(flow.id)
    ]
    by = ", ".join(FREQUENCIES[frequency] for frequency in flow.frequencies)
    return [
        "",
        f"## {flow.id}",
        "",
        f"{flow.name_vi} · {flow.name_en}. Calendar: {CALENDARS[flow.calendar.value]}. Reported by {by}."
        f" Totals of {', '.join(f'`{unit}`' for unit in flow.covers)} and the units under it.",
        "",
        *_table(columns, rows),
    ]


def _made_from(found: Catalogue, each: Indicator) -> str:
    """Say what an indicator is divided, added or ranked from, or nothing."""
    if each.numerator:
        per = found.units[each.unit].per
        return f"{each.numerator} / {each.denominator}" + (f" × {per}" if per > 1 else "")
    if each.formula:
        return " + ".join(f"{weight} × {code}" for code, weight in each.formula)
    return f"rank in {each.ranks}" if each.ranks else " + ".join(each.parts)


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _usage(path: str, command: Any) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    names = [each.name.upper() if each.required else f"[{each.name.upper()}]" for each in arguments]
    return " ".join([path, *names, "[OPTIONS]"])


def _parameter(each: Any) -> tuple[str, str, str]:
    kind = getattr(each.type_descriptor.annotation, "__name__", "str")
    if each.param_type_name == "argument":
        name = each.name.upper()
    else:
        name = (
            each.opts[0]
            if getattr(each, "is_flag", False)
            else f"{each.opts[0]} {PLACEHOLDERS[kind]}"
        )
    said = _said(each.help)
    if each.envvar:
        said += f" Environment: `{each.envvar}`."
    if each.hidden:
        said += " Not shown by `--help`."
    default = "" if each.default in (None, False, "") else f"`{each.default}`"
    return f"`{name}`", said, "must be given" if each.required else default


def _said(text: str | None) -> str:
    return " ".join(str(text or "").split())


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


PAGES = {
    "rules.md": rules_page,
    "cli.md": cli_page,
    "catalogue.md": catalogue_page,
    "formats.md": schemas.formats_page,
}


def main(words: list[str]) -> int:
    """Write pages, schemas and pictures, or with ``--check`` say which are not up to date.

    Return the exit code.
    """
    pages = {name: page() for name, page in PAGES.items()}
    texts = {HERE / name: text for name, text in (pages | schemas.files()).items()}
    for path in sorted(HERE.glob("pictures/*.toml")):
        texts[path.with_suffix(".svg")] = Picture(path).svg()
    stale = []
    for path, text in texts.items():
        if "--check" not in words:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    if stale:
        sys.stderr.write(
            f"docs: {', '.join(stale)} not up to date; write them with: python docs/generate.py\n"
        )
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
