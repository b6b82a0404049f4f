"""Quảng Trị, on 2025-07-01 merged with Quảng Bình: Department of Science and Technology.

It puts a CSV file for each period into a shared folder; people type it, so figures have typing
errors. Contact: the department's post and telecommunications division.
"""

from hub_core import Province, hookimpl


@hookimpl
def hub_province() -> Province:
    """Return the province; who it is and what it reports stands in the TOML beside this file."""
    return Province.from_package(__name__)
