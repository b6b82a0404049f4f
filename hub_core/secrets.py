"""Secrets by reference: resolved for one province alone, and kept out of everything that is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hub_core.errors import ConfigurationError

REDACTED = "[secret]"


def variable(owner: str, name: str) -> str:
    """The environment variable that holds a secret of a province, or of the hub itself (owner ``hub``)."""
    return f"HUB_SECRET_{owner}__{name}".upper()


def resolve(owner: str, names: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The secrets of one owner by name. Raises ConfigurationError naming the variables that are not set."""
    wanted = {name: variable(owner, name) for name in sorted(names)}
    unset = [variable for variable in wanted.values() if not environment.get(variable)]
    if unset:
        raise ConfigurationError(f"secret {', '.join(unset)} is not set in the hub's environment")
    return {name: environment[variable] for name, variable in wanted.items()}


def redact(text: str, secrets: Iterable[str]) -> str:
    """A text without the values of secrets."""
    for secret in sorted(secrets, key=len, reverse=True):
        if secret:
            text = text.replace(secret, REDACTED)
    return text
