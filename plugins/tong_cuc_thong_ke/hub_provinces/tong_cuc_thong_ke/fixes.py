"""The population export says year, quality and unit in the heading of its figures' column.

TOML cannot read that.
"""

import re

import polars as pl

from hub_core import SourceChanged

_HEADING = re.compile(r"([0-9]{4})( \(\*\))? Average population \(Thous\. pers\.\)")


def one_year_a_column(frame: pl.DataFrame) -> pl.DataFrame:
    """Each column of a year as rows of its own: ``year``, ``quality`` ("(*)" is preliminary) and ``population``.

    ``column`` keeps the heading under which a figure stands. Raises SourceChanged at any other
    heading.
    """
    name, *headings = (column for column in frame.columns if column != "row")
    years = []
    for heading in headings:
        match = _HEADING.fullmatch(heading)
        if match is None:
            raise SourceChanged(
                f"heading {heading!r} is not a year's average population in thousand persons"
            )
        years.append(
            frame.select(
                "row",
                name,
                pl.lit(heading).alias("column"),
                pl.lit(match.group(1)).alias("year"),
                pl.lit("preliminary" if match.group(2) else "final").alias("quality"),
                pl.col(heading).alias("population"),
            )
        )
    if not years:
        raise SourceChanged("there is no column with a year's average population")
    return pl.concat(years).sort("row", maintain_order=True)
