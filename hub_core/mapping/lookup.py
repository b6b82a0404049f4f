"""Quick lookup of texts in code tables, a column at a time."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import date

import polars as pl

from hub_core.mapping.codes import LEAVE_OUT

IGNORED = 2**32 - 1  # the index of a code that a table leaves out by name


class Lookup:
    """Turns texts into indices of codes, one distinct text at a time, never row by row."""

    def __init__(
        self,
        codes: list[str],
        find: Callable[[str, date | None], str | None],
        *,
        open_: bool = False,
    ) -> None:
        self.codes = codes
        self._index = {code: n for n, code in enumerate(codes)}
        self._find = find
        self._open = open_  # whether codes not yet listed are added
        self._indices: dict[date | None, dict[str, int]] = {}  # by day, those of the texts so far
        self._enums: dict[date | None, tuple[pl.Enum, pl.Series]] = {}  # the same, for polars

    def resolve(self, texts: pl.Series, day: date | None = None) -> pl.Series:
        """Return the index of each text's code (UInt32).

        It is null where a text has no code, and IGNORED where it is left out.
        """
        indices = self._cast(texts, day)
        unknown = texts.filter(indices.is_null() & texts.is_not_null()).unique()
        if len(unknown) and self._learn(unknown, day):
            indices = self._cast(texts, day)
        return indices

    def _cast(self, texts: pl.Series, day: date | None) -> pl.Series:
        if day not in self._enums:
            return (
                pl.Series(texts.name, [None], dtype=pl.UInt32)
                .extend_constant(None, len(texts))
                .head(len(texts))
            )
        enum, codes = self._enums[day]
        return codes.gather(texts.cast(enum, strict=False).to_physical().cast(pl.UInt32)).alias(
            texts.name
        )

    def _learn(self, texts: pl.Series, day: date | None) -> bool:
        indices = self._indices.setdefault(day, {})
        count = len(indices)
        for text in texts:
            code = self._find(unicodedata.normalize("NFC", text), day)
            if code == LEAVE_OUT:
                indices[text] = IGNORED
            elif code is not None:
                if code not in self._index and self._open:
                    self._index[code] = len(self.codes)
                    self.codes.append(code)
                if code in self._index:
                    indices[text] = self._index[code]
        if len(indices) == count:
            return False
        self._enums[day] = (
            pl.Enum(list(indices)),
            pl.Series(list(indices.values()), dtype=pl.UInt32),
        )
        return True
