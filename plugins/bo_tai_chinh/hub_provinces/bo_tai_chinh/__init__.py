"""Bộ Tài chính, the Ministry of Finance: the budget plan of every province, a workbook a year.

Each year's workbook is laid out anew, so each has a provision of its own; nothing but their TOML
knows a year. Contact: Vụ Ngân sách nhà nước.
"""

from hub_core import Province, hookimpl


@hookimpl
def hub_province() -> Province:
    """Return the province; who it is and what it reports stands in the TOML beside this file."""
    return Province.from_package(__name__)
