"""The statistics office (Tổng cục Thống kê): denominators that others share.

Since 2025-03-01 it is Cục Thống kê, Bộ Tài chính. Its exports are CSV files put into a folder: the
average population as its web site gives it, and the number of commune-level units of the register.
Contact: its dissemination division.
"""

from hub_core import Province, hookimpl


@hookimpl
def hub_province() -> Province:
    """Return the province; who it is and what it reports stands in the TOML beside this file."""
    return Province.from_package(__name__)
