"""What commands print: JSON for machines, tables and sentences for people; and how they end."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from hub_core.errors import ConfigurationError, HubError

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from rich.console import Console

    from hub_core.home import Hub
    from hub_core.pipeline.differences import Difference

DONE, BLOCKED, USAGE, UNAVAILABLE = 0, 1, 2, 3

Home = Annotated[
    Path,
    typer.Option(
        "--home", envvar="HUB_HOME", help="The hub's home: the folder that holds config/."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Now = Annotated[
    datetime | None,
    typer.Option(
        "--now",
        formats=["%Y-%m-%dT%H:%M"],
        help="Act as if it were this time in Vietnam.",
        hidden=True,
    ),
]

AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of", formats=["%Y-%m-%dT%H:%M"], help="Read what stood at this time in Vietnam."
    ),
]


def moment(now: datetime | None) -> datetime:
    """Return the time to act at: the one given, in Vietnam, or this very moment."""
    from hub_core.obligations import ZONE

    return now.replace(tzinfo=ZONE) if now else datetime.now(ZONE)  # noqa: TID251 - the clock is read here and nowhere below


def in_vietnam(at: datetime | None) -> str | None:
    """Return a moment as the clock in Vietnam shows it."""
    from hub_core.obligations import ZONE

    return f"{at.astimezone(ZONE):%Y-%m-%d %H:%M}" if at else None


def console() -> Console:
    """Return the terminal, or plain text where there is none."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 140
    return Console(width=width, highlight=False, soft_wrap=False)


@contextmanager
def opened(home: Path, *, children: int = 0) -> Iterator[Hub]:
    """Open the hub of a home, and close it at the end.

    ``children``: how many are started while it opens, before anything else is even imported. Told
    to stop by SIGTERM, it gives back its leases, and its children end with it.
    """
    from hub_core.cli import early

    signal.signal(signal.SIGTERM, _told_to_stop)
    spares = early.children(children)

    from hub_core.engine.engine import local

    engine = local(spares)
    try:
        from hub_core.home import Hub

        hub = Hub.open(home, engine)
    except BaseException:
        engine.close()
        raise
    try:
        yield hub
    except ToldToStop as stop:
        hub.leases.close()
        sys.stderr.write("told to stop: what was under way is taken up next time\n")
        sys.stderr.flush()
        os._exit(int(stop.code))  # without a wait for the children
    finally:
        hub.close()


class ToldToStop(SystemExit):
    """SIGTERM came."""

    code: int


def _told_to_stop(number: int, _: FrameType | None) -> None:
    raise ToldToStop(128 + number)


def as_json(value: object) -> None:
    """Print a value as JSON."""
    from pydantic import BaseModel

    def plain(inner_value: object) -> object:
        if isinstance(inner_value, BaseModel):
            return inner_value.model_dump(mode="json")
        if dataclasses.is_dataclass(inner_value) and not isinstance(inner_value, type):
            return dataclasses.asdict(inner_value)
        return str(inner_value)

    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1, default=plain) + "\n")


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
) -> None:
    """Print a table; where it has no rows, say so in words."""
    from rich.table import Table
    from rich.text import Text

    rich_table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=None,
        pad_edge=False,
    )
    for column in columns:
        rich_table.add_column(
            column, justify="right" if column in right else "left", overflow="fold"
        )
    count = 0
    for row in rows:
        rich_table.add_row(*(Text("" if cell is None else _harmless(str(cell))) for cell in row))
        count += 1
    terminal = console()
    terminal.print(rich_table if count else f"{title}: none")
    terminal.print()


def _harmless(text: str) -> str:
    """Return a text without what a terminal would obey, or would not show.

    These are control characters and invisible marks.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\xa0" else f"\\u{ord(c):04x}" for c in text)


def say(*lines: str) -> None:
    """Print sentences."""
    for line in lines:
        console().print(_harmless(line), markup=False)


def show_difference(difference: Difference) -> None:
    """Show people what changed between two revisions or releases."""
    columns = ["what", "indicator", "org unit", "before", "after", "status"]
    rows = [
        (
            change.what,
            change.indicator + (f" {change.dims}" if change.dims else ""),
            change.org_unit,
            _plain(change.before),
            _plain(change.after),
            " > ".join(dict.fromkeys(filter(None, (change.status_before, change.status_after)))),
        )
        for change in difference.changes
    ]
    table(f"{difference.before} > {difference.after}", columns, rows, right=["before", "after"])
    say(
        f"Reason: {difference.reason}. {len(difference.changes)} figures differ, {difference.unchanged} are the same."
    )


def _plain(value: Decimal | None) -> str:
    return "" if value is None else f"{value.normalize():f}"


def complain(error: HubError) -> int:
    """Print an error where errors go; return the exit code for it."""
    sys.stderr.write(_harmless(f"{type(error).__name__}: {error}") + "\n")
    if isinstance(error, ConfigurationError):
        return USAGE
    return UNAVAILABLE if error.retryable else BLOCKED


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[str, dict[str, int]], None]]:
    """Show a progress bar for each provision, on a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, int] = {}

        def report(name: str, counts: dict[str, int]) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=None, counts="")
            counts_text = ", ".join(f"{number:,} {what}" for what, number in counts.items())
            bars.update(tasks[name], counts=counts_text)  # type: ignore[arg-type]  # rich's TaskID is an int

        yield report
