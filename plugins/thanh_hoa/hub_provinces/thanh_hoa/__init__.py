"""Thanh Hóa: Department of Science and Technology.

Until 2025-02-28 it was the Department of Information and Communications. Its gateway gives one page
of JSON after another; figures are Vietnamese number texts. Contact: the department's digital
transformation division.
"""

from hub_core import Province, hookimpl


@hookimpl
def hub_province() -> Province:
    """Return the province; who it is and what it reports stands in the TOML beside this file."""
    return Province.from_package(__name__)
