"""Secrets: who refers to them, where they come from, and how one is set. A value is never shown."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub_core.cli.output import BLOCKED, DONE, AsJson, Home, as_json, opened, say, table
from hub_core.errors import ConfigurationError

if TYPE_CHECKING:
    from hub_core.secrets import Names, Secrets

app = typer.Typer(no_args_is_help=True)
Owner = Annotated[str, typer.Argument(help="Whose it is: a province, or hub.")]
Name = Annotated[str, typer.Argument(help="Its name, as in secret:NAME.")]


@app.command("list")
def list_(home: Home = Path(), json: AsJson = False) -> None:
    """List every secret: who refers to it, where it comes from, and whether it is set.

    No command is run.
    """
    secrets, users_by_secret = _known_secrets(home)
    rows = []
    for (owner, name), used_by in users_by_secret.items():
        origin = secrets.origin(owner, name)
        may_resolve = origin is not None and origin.kind != "command"
        trouble = _find_trouble(secrets, owner, name, run=False) if may_resolve else None
        state = trouble or "set" if may_resolve else "not run here" if origin else "not set"
        rows.append((owner, name, used_by, str(origin or ""), state))
    columns = ["owner", "name", "used by", "from", "state"]
    if json:
        as_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        table("Secrets", columns, [(*row[:2], ", ".join(row[2]), *row[3:]) for row in rows])


@app.command("set", context_settings={"allow_extra_args": True})
def set_(
    context: typer.Context,
    owner: Owner,
    name: Name,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also one that nothing refers to.")
    ] = False,
    home: Home = Path(),
    json: AsJson = False,
) -> None:
    """Write a secret's value into the home.

    It is asked for twice on a terminal, else read from standard input.
    """
    if context.args:
        raise typer.BadParameter(
            "a value is no argument, where others see it: type it when asked, or pipe it in"
        )
    secrets, users_by_secret = _known_secrets(home)
    if not users_by_secret.get((owner, name)) and not anyway:
        raise typer.BadParameter(
            f"nothing refers to {name} of {owner}; {_names(users_by_secret)}; --anyway writes it"
        )
    path = secrets.keep(owner, name, _read_value(owner, name))
    origin = str(secrets.origin(owner, name))
    if json:
        as_json({"owner": owner, "name": name, "written": str(path), "from": origin})
        return
    say(f"{name} of {owner} is written to {path}.")
    if origin != f"file {path}":
        say(f"It is not used: {origin} goes before it.")


@app.command("test")
def prove(
    owner: Annotated[
        str | None, typer.Argument(help="Only this province's, or the hub's own.")
    ] = None,
    name: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
    home: Home = Path(),
    json: AsJson = False,
) -> None:
    """Get each secret as a night would, running commands: ok, or why not."""
    secrets, users_by_secret = _known_secrets(home)
    chosen = [
        key
        for key, used_by in users_by_secret.items()
        if owner in (None, key[0]) and (name == key[1] or (not name and used_by))
    ]
    if owner and not chosen:
        raise typer.BadParameter(
            f"no secret {' '.join(filter(None, (owner, name)))}; {_names(users_by_secret)}"
        )
    rows = []
    for key in chosen:
        result = _find_trouble(secrets, *key, run=True) or "ok"
        rows.append((*key, str(secrets.origin(*key) or ""), result))
    columns = ["owner", "name", "from", "result"]
    if json:
        as_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        table("Secrets", columns, rows)
    sys.exit(BLOCKED if any(row[-1] != "ok" for row in rows) else DONE)


def _known_secrets(home: Path) -> tuple[Secrets, dict[Names, list[str]]]:
    """Return the secrets that are referred to, with who does.

    Also those that only hub.toml or the home's files have.
    """
    from hub_core.secrets import references

    with opened(home) as hub:
        secrets, users_by_secret = hub.secrets, references(hub.config, hub.provinces)
    configured = {(owner, name) for owner, names in secrets.settings.items() for name in names}
    return secrets, {
        key: users_by_secret.get(key, [])
        for key in sorted({*users_by_secret, *configured, *secrets.kept()})
    }


def _find_trouble(secrets: Secrets, owner: str, name: str, *, run: bool) -> str | None:
    try:
        secrets.resolve(owner, [name], run=run)
    except ConfigurationError as error:
        return error.message.removeprefix(f"secret {name} of {owner}: ")
    return None


def _names(users_by_secret: dict[Names, list[str]]) -> str:
    return f"there are {', '.join(' '.join(key) for key in users_by_secret) or 'none'}"


def _read_value(owner: str, name: str) -> bytes:
    if not sys.stdin.isatty():
        from hub_core.secrets import MOST

        return sys.stdin.buffer.read(MOST + 6)
    first = getpass.getpass(f"Value of {name} of {owner}: ")
    if first != getpass.getpass("The same again: "):
        raise typer.BadParameter("the two are not the same; nothing is written")
    return first.encode(errors="surrogateescape")
