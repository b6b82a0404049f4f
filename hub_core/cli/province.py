"""The provinces' packages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub_core.cli.output import (
    BLOCKED,
    DONE,
    AsJson,
    Home,
    Now,
    as_json,
    moment,
    opened,
    progress,
    say,
    table,
)

if TYPE_CHECKING:
    from hub_core.home import Hub
    from hub_core.model.exchange import Plugin
    from hub_core.pipeline.trial import Trial
    from hub_core.upkeep.install import Installation

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(home: Home = Path(), json: AsJson = False) -> None:
    """List the packages found and those that are broken.

    Also where each comes from, and what each reports.
    """
    with opened(home) as hub:
        rows = [
            (name, province.name, province.kind, provision, declared.dataflow, declared.provider)
            for name, province in sorted(hub.provinces.items())
            for provision, declared in sorted(province.provisions.items())
        ]
        packages = [_package_row(hub, plugin) for _, plugin in sorted(hub.plugins.items())]
        broken = dict(hub.broken)
    columns = ["province", "name", "kind", "provision", "dataflow", "provider"]
    if json:
        provisions = [dict(zip(columns, row, strict=True)) for row in rows]
        as_json({"provisions": provisions, "packages": packages, "broken": broken})
        return
    table("Provisions", columns, rows)
    table(
        "Packages",
        list(packages[0]) if packages else [],
        [list(package.values()) for package in packages],
    )
    for name, what in sorted(broken.items()):
        say(f"  ! {name}: {what}")


def _package_row(hub: Hub, plugin: Plugin) -> dict[str, str]:
    """Return where a package comes from, and the Python that runs it."""
    from hub_core.packages import installed
    from hub_core.packages.libraries import PYTHON

    if plugin.environment:
        whence = "isolated"
    elif plugin.folder is None:
        whence = "the hub's own libraries"
    else:
        is_installed = installed.folder(hub.config.home) in Path(plugin.folder).parents
        whence = "installed" if is_installed else "folder"
    place = plugin.environment or plugin.folder or plugin.root
    return {
        "province": plugin.name,
        "version": plugin.version,
        "from": whence,
        "python": PYTHON,
        "place": place,
    }


@app.command()
def install(
    package: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="A package: its folder, its wheel or its source archive."
        ),
    ],
    isolated: Annotated[
        bool, typer.Option("--isolated", help="Give it an environment and libraries of its own.")
    ] = False,
    find_links: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder with wheels to install from, beside pip's own settings; may be repeated."
        ),
    ] = None,
    home: Home = Path(),
    json: AsJson = False,
    now: Now = None,
) -> None:
    """Install a package, or a newer version of it.

    It is tried first, and a bad one changes nothing.
    """
    from hub_core.upkeep.install import install as put_in_force

    if absent := [str(folder) for folder in find_links or [] if not folder.is_dir()]:
        raise typer.BadParameter(f"{', '.join(absent)} is no folder")
    with opened(home) as hub, progress(quiet=json) as report:
        installation = put_in_force(
            hub, package, moment(now), report, find_links or [], isolated=isolated
        )
    if json:
        as_json(installation)
    else:
        _show_installation(installation)


def _show_installation(installation: Installation) -> None:
    new_install, before = installation.installed, installation.before
    libraries_words = (
        f"with libraries of its own, Python {new_install.python}"
        if new_install.isolated
        else "with the hub's own libraries"
    )
    before_words = (
        f" It was {before.version or 'of no version'}{' and isolated' * before.isolated}."
        if before
        else ""
    )
    say(
        f"{new_install.name}: {new_install.project} {new_install.version} is installed, "
        f"{libraries_words}.{before_words}"
    )
    say(*(f"  ! {problem.what}" for problem in installation.left))
    say(
        f"Next: hub gather --province {new_install.name}"
        if not installation.left
        else "Next: put these right, then: hub check"
    )


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The package's name, as in hub province list.")],
    home: Home = Path(),
    json: AsJson = False,
) -> None:
    """Remove a package that was installed into the home; what it has reported stays."""
    from hub_core.upkeep.install import remove as take_out

    with opened(home) as hub:
        mentions = take_out(hub, name)
    if json:
        as_json({"removed": name, "still_named": mentions})
        return
    say(f"{name} is removed; what it has reported stays.")
    say(*(f"  ! still there: {mention}" for mention in mentions))


@app.command("try")
def try_(
    provision: Annotated[
        str, typer.Argument(help="PROVINCE/PROVISION, for example nghe_an/telecom.")
    ],
    file: Annotated[Path, typer.Argument(help="A local file as the department would send it.")],
    period: Annotated[
        list[str] | None, typer.Option(help="A period to read; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many rows to print.", min=1)] = 50,
    home: Home = Path(),
    json: AsJson = False,
    now: Now = None,
) -> None:
    """Map one local file as a night would.

    Its figures and what is wrong with them are printed. Nothing is stored.
    """
    from hub_core.model.period import Period
    from hub_core.pipeline.trial import try_file

    name, _, provision_name = provision.partition("/")
    try:
        periods = [str(Period.parse(label)) for label in period or []]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with opened(home, children=1) as hub:
        trial = try_file(hub, name, provision_name, file, periods, moment(now))
    if json:
        as_json(trial)
    else:
        _show(trial, limit)
    held = any(finding["severity"] == "blocking" for finding in trial.findings)
    sys.exit(BLOCKED if trial.error or trial.left or held else DONE)


def _show(trial: Trial, limit: int) -> None:
    columns = ["indicator", "org_unit", "period", "measure", "dims", "value", "status", "where"]
    if not any(row["dims"] for row in trial.figures):
        columns.remove("dims")
    if {row["measure"] for row in trial.figures} <= {"actual"}:
        columns.remove("measure")
    if trial.figures:
        rows = [[row[name] for name in columns] for row in trial.figures[:limit]]
        table(_limited_title("Figures", len(trial.figures), limit), columns, rows, right=["value"])
    if trial.left:
        rows = [[row["code"], row["vi"], row["text"], row["where"]] for row in trial.left[:limit]]
        table(
            _limited_title("Left out", len(trial.left), limit),
            ["code", "why", "text", "where"],
            rows,
        )
    if trial.findings:
        rows = [
            [f["code"], f["severity"], f["period"], f["rows"], f["vi"], f["text"]]
            for f in trial.findings
        ]
        table(
            "Findings",
            ["code", "severity", "period", "rows", "what", "example"],
            rows,
            right=["rows"],
        )
    if trial.error:
        say(f"The file is refused. {trial.error}")
        return
    counts = ", ".join(
        f"{number:,} {what.replace('_', ' ')}" for what, number in trial.counts.items() if number
    )
    say(
        *(f"{label}: a nil return." for label in trial.nil),
        *(f"{label}: no data reported." for label in trial.no_data),
        *(f"Note: {note}." for note in trial.notes),
        f"{counts or 'No rows'}. {len(trial.figures)} figures, {len(trial.left)} left out. Nothing was stored.",
    )


def _limited_title(title: str, count: int, limit: int) -> str:
    return title if count <= limit else f"{title}, the first {limit} of {count}"
