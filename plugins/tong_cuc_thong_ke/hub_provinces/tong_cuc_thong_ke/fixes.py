"""Reads the population export, whose column headings say year, quality and unit.

TOML cannot read that.
"""

import re

import polars as pl

from hub_core import SourceChanged

_HEADING = re.compile(r"([0-9]{4})( \(\*\))? Average population \(Thous\. pers\.\)")


def one_year_a_column(frame: pl.DataFrame) -> pl.DataFrame:
    """Turn each column of a year into rows: ``year``, ``quality`` and ``population``.

    A heading with "(*)" gives the quality ``preliminary``, any other ``final``. ``column`` keeps
    the heading under which a figure stands. Raises SourceChanged at any other heading.
    """
    name, *headings = (column for column in frame.columns if column != "row")
    frames = []
    for heading in headings:
        match = _HEADING.fullmatch(heading)
        if match is None:
            raise SourceChanged(
                f"heading {heading!r} is not a year's average population in thousand persons"
            )
        frames.append(
            frame.select(
                "row",
                name,
                pl.lit(heading).alias("column"),
                pl.lit(match.group(1)).alias("year"),
                pl.lit("preliminary" if match.group(2) else "final").alias("quality"),
                pl.col(heading).alias("population"),
            )
        )
    if not frames:
        raise SourceChanged("there is no column with a year's average population")
    return pl.concat(frames).sort("row", maintain_order=True)
