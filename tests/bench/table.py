"""What was measured, as lines for ``bench.json`` and as a table."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from measure import Measured

Line = dict[str, Any]  # case, who, rows, wall_s, cpu_s, peak_mb
AFTER = {
    "same": "json",
    "changed": "json",
    "year on": "many",
}  # later nights, by the first, which they are held against
COLUMNS = {"wall_s": ("wall s", 9, 2), "cpu_s": ("CPU s", 9, 2), "peak_mb": ("peak MiB", 9, 0)}


def lines_of(taken: dict[tuple[str, str], list[Measured]], rows: int) -> list[Line]:
    """The medians of what each case took each who."""
    return [
        {
            "case": case,
            "who": who,
            "rows": rows,
            "wall_s": round(median(each.wall_s for each in runs), 3),
            "cpu_s": round(median(each.cpu_s for each in runs), 3),
            "peak_mb": round(median(each.peak_mb for each in runs), 1),
        }
        for (case, who), runs in taken.items()
    ]


def table(lines: list[Line]) -> Iterator[str]:
    """The lines as aligned text, each figure beside how many times the hub's first night's it is.

    Where the hub was left out, the first stands for it.
    """
    base: dict[tuple[str, int], Line] = {}
    for line in lines:
        if line["case"] not in AFTER:
            key = line["case"], line["rows"]
            base[key] = base.get(key, line) if line["who"] != "hub" else line
    heads = "".join(f"{title:>{width}}{'times':>8}" for title, width, _ in COLUMNS.values())
    yield f"{'case':9}{'who':12}{'rows':>11}{heads}"
    for line in lines:
        low = base[AFTER.get(line["case"], line["case"]), line["rows"]]
        told = f"{line['case']:9}{line['who']:12}{line['rows']:>11,}"
        for name, (_, width, decimals) in COLUMNS.items():
            part = line[name] / low[name]
            share = f"{part:.0%}" if line["case"] in AFTER else f"{part:.2f}x"
            told += f"{line[name]:>{width}.{decimals}f}{share:>8}"
        yield told
