"""Huế, as small as a department can be: five figures, invented, for docs/formats.md."""

from hub_core import Province, hookimpl


@hookimpl
def hub_province() -> Province:
    """Who they are and what they report stands in the TOML beside this file."""
    return Province.from_package(__name__)
