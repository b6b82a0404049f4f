"""VCCI, the chamber of commerce and industry: the provincial competitiveness index (PCI).

It comes as a workbook a year. From 2012 on each sub-index is a ranking of its own, with the
provinces in its own order beside it. Contact: Ban Pháp chế.
"""

from hub_core import Province, hookimpl


@hookimpl
def hub_province() -> Province:
    """Return the province; who it is and what it reports stands in the TOML beside this file."""
    return Province.from_package(__name__)
