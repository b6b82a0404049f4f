"""What was read before.

Where every part is as it was, and all that reads it, nothing is read again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from hub_core import rules
from hub_core.packages import libraries

if TYPE_CHECKING:
    from hub_core.config.province import Province
    from hub_core.contracts import PayloadPart
    from hub_core.model.exchange import GatherOrder, Part
    from hub_core.rules import Rule


def reading(
    order: GatherOrder, province: Province, catalogue: str, in_force: dict[str, Rule]
) -> str:
    """The sha256 over all that decides what a payload's bytes say: words, rules, voice, periods, code and libraries.

    ``catalogue``: its digest; ``in_force``: the rules. Secrets, the source and the time have no
    part in it.
    """
    told = [
        order.provision,
        catalogue,
        province.mapping_digest(order.provision),
        province.digest,
        rules.digest(in_force),
        *(f"speaks for {unit}" for unit in order.speaks_for),
        *(f"reports {code}" for code in order.indicators),
        *(f"asked for {period}" for period in order.periods),
        *(_code(package) for package in ["hub_core", *order.trusted]),
        f"Python {libraries.PYTHON}",
        *libraries.names(sys.path),
        order.plugin.environment or "",  # each install has a folder of its own
    ]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


@lru_cache
def _code(package: str) -> str:
    """The sha256 over a package's own files, as they were when this process first asked."""
    found = importlib.util.find_spec(package)
    digest = hashlib.sha256(package.encode())
    for root in found.submodule_search_locations or () if found else ():
        for path in sorted(Path(root).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def to_read(
    arriving: Iterable[tuple[Part, PayloadPart]],
    parts: list[Part],
    known: list[str],
    landed: Callable[[Part], PayloadPart],
) -> Iterator[tuple[int, PayloadPart]]:
    """The parts that must be read, with their places; none where all are the known ones in their order.

    Every part that arrives is put into ``parts``. What was passed over, until one differed, is
    given by ``landed``.
    """
    passed = True
    for part, payload in arriving:
        parts.append(part)
        place = len(parts) - 1
        if passed and place < len(known) and known[place] == part.digest:
            continue
        if passed:
            passed = False
            yield from ((n, landed(parts[n])) for n in range(place))
        yield place, payload
    if passed and len(parts) < len(known):
        yield from ((n, landed(part)) for n, part in enumerate(parts))
