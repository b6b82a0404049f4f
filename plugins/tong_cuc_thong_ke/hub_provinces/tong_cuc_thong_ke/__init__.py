"""The statistics office (Tổng cục Thống kê; since 2025-03-01 Cục Thống kê, Bộ Tài chính): shared denominators.

Its exports are CSV files put into a folder: the average population as its web site gives it, and
the number of commune-level units of the register. Contact: its dissemination division.
"""

from hub_core import Province, hookimpl


@hookimpl
def hub_province() -> Province:
    """Who they are and what they report stands in the TOML beside this file."""
    return Province.from_package(__name__)
