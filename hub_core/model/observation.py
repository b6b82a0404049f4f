"""Observations: the frame, format 1, and the canonical text that its digests are taken over."""

from __future__ import annotations

import hashlib
import io
import math
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

FORMAT: Final = 1
KEY: Final = ("indicator", "org_unit", "period", "calendar", "measure", "dims")
INDEXED: Final = (
    "indicator",
    "org_unit",
    "measure",
    "dims",
)  # the key within one period and calendar, as indices
VALUE: Final = pl.Decimal(38, 6)
DECIMALS: Final = 6
WHOLE_DIGITS: Final = 26  # |value| < 10**26, so that a million of them add up within 38 digits
MEASURES: Final = ("actual", "plan", "ytd")
STATUSES: Final = ("M", "E", "F", "P", "A")  # CL_OBS_STATUS, the weakest first
SCHEMA: Final = pl.Schema(
    {
        **dict.fromkeys(KEY, pl.String()),
        "value": VALUE,
        "status": pl.String(),
        "part": pl.UInt32(),
        "row": pl.UInt64(),
        "column": pl.String(),
    }
)
QUARANTINE: Final = pl.Schema(
    {
        "code": pl.String(),
        "field": pl.String(),
        "text": pl.String(),
        **dict.fromkeys(KEY, pl.String()),
        "part": pl.UInt32(),
        "row": pl.UInt64(),
        "column": pl.String(),
    }
)
CODED: Final = pl.Schema(
    {name: pl.Categorical() if kind == pl.String else kind for name, kind in SCHEMA.items()}
)
_LINES = 100_000
_ROW_GROUP = 1_000_000
_TEXTS = pl.ScanCastOptions(categorical_to_string="allow")


def write_figures(figures: pl.DataFrame, path: Path) -> None:
    """Write figures of format 1 as Parquet.

    Texts that are categories are written as such, which is much the quicker.
    """
    figures.lazy().sink_parquet(
        path, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP
    )


def of_format_1(schema: pl.Schema) -> bool:
    """Tell whether figures with this schema are of format 1; a text may be a category."""
    return {
        name: pl.String() if kind == pl.Categorical else kind for name, kind in schema.items()
    } == SCHEMA and (schema.names() == SCHEMA.names())


def scan_figures(path: Path) -> pl.LazyFrame:
    """Scan figures of format 1, whether their texts were written as texts or as categories.

    Raises polars' SchemaError, where they are collected, if they are of another format.
    """
    return pl.scan_parquet(path, schema=SCHEMA, cast_options=_TEXTS)


def scan_coded(path: Path) -> pl.LazyFrame:
    """Scan figures with texts as categories: for what groups, joins and adds up.

    The schema is not checked.
    """
    return pl.scan_parquet(path).cast(CODED)


def packed(
    sizes: Sequence[int], index_of: Callable[[str], pl.Expr] = pl.col, room: int = 1
) -> pl.Expr | None:
    """Pack the key of a figure into one number, in the order of its indices.

    Returns None where it does not fit 64 bits, also when it is multiplied by ``room``. ``sizes``:
    how many codes each column of INDEXED has; ``index_of``: gives a column's index. One number
    joins and sorts in half the time of four.
    """
    if math.prod(max(size, 1) for size in sizes) * room >= 2**64:
        return None
    key: pl.Expr = pl.lit(0, dtype=pl.UInt64)
    for name, size in zip(INDEXED, sizes, strict=True):
        key = key * max(size, 1) + index_of(name).cast(pl.UInt64)
    return key


def plain(value: str = "value") -> pl.Expr:
    """Write a decimal column as text without exponent or trailing zeros; null is empty text.

    A decimal has no ``-0``.
    """
    return (
        pl.col(value)
        .cast(pl.String)
        .str.strip_chars_end("0")
        .str.strip_chars_end(".")
        .fill_null("")
    )


class ContentDigest:
    """The content digest of figures that come in frames, one after another, sorted by key.

    It is the sha256, lower-case hex, over the canonical text: a first line ``lienthong-content 1
    nil=0`` (or ``nil=1``), then the six keys, value and status of each row joined by TAB and ended
    by LF. No clock, version or position enters it.
    """

    def __init__(self, *, nil: bool = False) -> None:
        self._digest = hashlib.sha256(f"lienthong-content 1 nil={int(nil)}\n".encode())

    def add(self, figures: pl.DataFrame) -> None:
        """Add the next figures."""
        for chunk in figures.select(*KEY, "value", "status").iter_slices(_LINES):
            lines = io.BytesIO()
            chunk.with_columns(plain()).write_csv(
                lines, separator="\t", include_header=False, quote_style="never"
            )
            self._digest.update(lines.getbuffer())

    def hexdigest(self) -> str:
        """Return the digest of all that was added."""
        return self._digest.hexdigest()


def content_digest(figures: pl.DataFrame, *, nil: bool = False) -> str:
    """Return the content digest of figures sorted by key (:class:`ContentDigest`)."""
    digest = ContentDigest(nil=nil)
    digest.add(figures)
    return digest.hexdigest()


def quarantine_digest(rows: pl.DataFrame) -> str:
    """Return the sha256 over the set of quarantined rows, each as its key and code.

    A row whose key has a null counts by part, row and column instead.
    """
    complete = pl.all_horizontal(pl.col(k).is_not_null() for k in KEY)
    key = pl.concat_str([pl.col(k).fill_null("") for k in KEY], separator="\t")
    place = pl.concat_str(["part", "row", pl.col("column").fill_null("")], separator=":")
    marks = rows.select(
        pl.concat_str([pl.when(complete).then(key).otherwise(place), "code"], separator="\t")
    ).to_series()
    return hashlib.sha256("\n".join(sorted(set(marks))).encode()).hexdigest()
