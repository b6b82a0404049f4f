"""Nghệ An: Department of Science and Technology, until 2025-02-28 Information and Communications.

It has no system for its reports: a clerk fills the hub's form. The telephone series of the years
before is a table of the province's statistical yearbook, with a column a year. Contact: the
department's post and telecommunications division.
"""

from hub_core import Province, hookimpl


@hookimpl
def hub_province() -> Province:
    """Return the province; who it is and what it reports stands in the TOML beside this file."""
    return Province.from_package(__name__)
