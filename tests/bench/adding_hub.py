"""The hub's side of the bench of aggregation: ``python adding_hub.py FOLDER RESULT``.

Whoever calls times it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import adding

from hub_core.home import figures_of
from hub_core.pipeline.inputs import with_age
from hub_core.stages.aggregate import aggregate


def add(folder: Path, result: Path) -> int:
    """Add the year up into a Parquet file; how many figures there are."""
    own, lent = (
        [path.parent for path in sorted((folder / name).glob("*/*/*.parquet"))]
        for name in ("own", "lent")
    )
    components = with_age(figures_of(lent), [0] * len(lent))
    figures = aggregate(adding.scope(), figures_of(own), components, set(adding.MONTHS))
    figures.write_parquet(result)
    return figures.height


if __name__ == "__main__":
    print(add(Path(sys.argv[1]), Path(sys.argv[2])))
