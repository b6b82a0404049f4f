"""Makes the bench's rows, the same ones each time, and what they must come to.

``python tests/bench/gen.py FOLDER [--rows N] [--day 1|2|3]``. 1 % of the rows are bad, of four
kinds a quarter each. Day 2 is day 1 with 2 % revised at random, day 3 with about as many revised in
clusters.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from array import array
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import workload

BAD_NUMBERS = ("N/A", "1,2,3", "-", "", "12.34", "một trăm")
CHUNK = 1000  # rows between two entries of the index
_INDICATORS, _ORG_UNITS = workload.indicators(), workload.org_units()


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the department tells it.

    ``tenths`` is the figure times ten, None where the row is bad.
    """

    indicator: str
    org_unit: str
    month: str
    figure: str
    unit: str
    status: str
    bad: str
    revised: bool
    cell: int  # which indicator of which org unit: ORG_UNITS x INDICATORS
    tenths: int | None

    def json(self) -> str:
        """The row as an object of a page, with the comma behind it."""
        cells = (self.indicator, self.org_unit, self.month, self.figure, self.unit, self.status)
        pairs = (f'"{name}":"{cell}"' for name, cell in zip(workload.FIELDS, cells, strict=True))
        return "{" + ",".join(pairs) + "},"


@dataclass
class Expected:
    """What a night on the rows must give.

    Rows admitted, bad rows by kind, and the country's figures by period.
    """

    made_by: str
    rows: int
    day: int
    ok: int = 0
    bad: dict[str, int] = field(default_factory=lambda: dict.fromkeys(workload.RULES, 0))
    revised: int = 0
    bytes: int = 0
    country: dict[str, dict[str, str]] = field(default_factory=dict)


def vietnamese(tenths: int) -> str:
    """A figure as people write it: ``12345`` tenths are ``1.234,5``."""
    whole, tenth = divmod(tenths, 10)
    text = f"{whole:,}".replace(",", ".")
    return f"{text},{tenth}" if tenth else text


def rows(count: int, day: int) -> Iterator[Row]:
    """So many rows, period by period, each org unit's indicators together."""
    dice, revisions = random.Random(42), random.Random(4242)
    order = list(range(workload.ORG_UNITS))
    month, whole = "", bytearray()
    for n in range(count):
        period, cell = divmod(n, workload.PERIOD_ROWS)
        if cell == 0:
            month = workload.month(period)
            random.Random(period).shuffle(order)
            whole = bytearray(workload.PERIOD_ROWS)  # the cells of this period that were told right
        place, number = divmod(cell, workload.INDICATORS)
        kind = dice.random()
        tenths = int(10 ** (1 + 5 * dice.random()))
        tenths = tenths if tenths % 4 else tenths - tenths % 10
        revised = (day == 2 and revisions.random() < 0.02) or (day == 3 and (n // CHUNK) % 50 == 7)
        if revised:
            tenths += 7
        told = _INDICATORS[number]
        indicator, org_unit, figure, bad = told.local, _ORG_UNITS[order[place]].local, None, ""
        if kind < 0.0025:
            bad = "unknown_code"
            if n % 2:
                indicator = "BC-9X"
            else:
                org_unit = "99-9999"
        elif kind < 0.005:
            bad, figure = "bad_number", BAD_NUMBERS[n % 6]
        elif kind < 0.0075 and not told.signed:
            bad, figure = "negative", "-" + vietnamese(tenths)
        elif 0.0075 <= kind < 0.01 and n > CHUNK and cell > CHUNK:
            earlier = cell - workload.INDICATORS * (
                1 + n % 9
            )  # the same indicator of an earlier org unit
            if whole[earlier]:  # else there is nothing right to repeat
                bad, org_unit = "duplicate", _ORG_UNITS[order[earlier // workload.INDICATORS]].local
                tenths += 3
        whole[cell] = not bad
        below_zero = told.signed and not bad and n % 3 == 0
        if figure is None:
            figure = "-" * below_zero + vietnamese(tenths)
        value = None if bad else -tenths if below_zero else tenths
        status = "A" if n % 11 else "P"
        at = order[place] * workload.INDICATORS + number
        yield Row(indicator, org_unit, month, figure, told.unit, status, bad, revised, at, value)


class Country:
    """The country's figures of one period, in whole numbers: exact, and by no code of the hub's."""

    def __init__(self) -> None:
        self.tenths = array("q", bytes(8 * workload.PERIOD_ROWS))
        self.there = bytearray(workload.PERIOD_ROWS)

    def note(self, row: Row) -> None:
        """Keep a good row's figure."""
        if row.tenths is not None:
            self.tenths[row.cell], self.there[row.cell] = row.tenths, 1

    def figures(self) -> dict[str, str]:
        """Each indicator's figure as a release writes it.

        An average is over the org units that have both.
        """
        found = {}
        for told in _INDICATORS:
            values, there = self._column(told.number)
            if told.weight is None:
                if any(there):
                    found[told.code] = _rounded(Decimal(sum(values)) / 10)
                continue
            weights, weighed = self._column(told.weight)
            both = [
                (v, w)
                for v, w, here, too in zip(values, weights, there, weighed, strict=True)
                if here and too
            ]
            if total := sum(w for _, w in both):
                found[told.code] = _rounded(Decimal(sum(v * w for v, w in both)) / (total * 10))
        return found

    def _column(self, number: int) -> tuple[array[int], bytearray]:
        return self.tenths[number :: workload.INDICATORS], self.there[number :: workload.INDICATORS]


def _rounded(value: Decimal) -> str:
    return str(value.quantize(Decimal(1).scaleb(-workload.DECIMALS), ROUND_HALF_UP))


def made_by() -> str:
    """The digest of what makes the rows; rows made by something else are made again."""
    files = (Path(__file__), Path(workload.__file__))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def generate(data: Path, count: int, day: int = 1) -> Expected:
    """The rows and their index as files under ``data/count/dayN``, made if not there.

    ``expected.json`` comes last.
    """
    folder = data / str(count) / f"day{day}"
    path = folder / "expected.json"
    expected = Expected(made_by(), count, day)
    if path.exists():
        told = json.loads(path.read_bytes())
        if told["made_by"] == expected.made_by:
            return Expected(**told)
        path.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    index, texts, country, period = array("Q"), [], Country(), ""
    with (folder / "records.bin").open("wb") as file:
        for n, row in enumerate(rows(count, day)):
            if n % CHUNK == 0:
                expected.bytes += file.write("".join(texts).encode())
                texts.clear()
                index.append(expected.bytes)
            if row.month != period:
                if period:
                    expected.country[period] = country.figures()
                country, period = Country(), row.month
            texts.append(row.json())
            country.note(row)
            if row.bad:
                expected.bad[row.bad] += 1
            else:
                expected.ok += 1
                expected.revised += row.revised
        expected.bytes += file.write("".join(texts).encode())
        index.append(expected.bytes)
    expected.country[period] = country.figures()
    (folder / "records.idx").write_bytes(index.tobytes())
    path.write_text(json.dumps(asdict(expected), ensure_ascii=False, indent=1), encoding="utf-8")
    return expected


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--day", type=int, default=1)
    args = parser.parse_args()
    made = generate(args.folder, args.rows, args.day)
    print(made.ok, made.bad, made.revised, made.bytes)
