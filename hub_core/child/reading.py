"""The unchanged payload: what need not be read again.

Reading is skipped where neither the payload nor anything that interprets it (code, mapping, rules)
has changed.
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


def reading_digest(
    order: GatherOrder, province: Province, catalogue: str, in_force: dict[str, Rule]
) -> str:
    """Return the sha256 over all that decides what a payload's bytes say.

    That is the mapping, the catalogue, the rules, the units and indicators of the reporting scope,
    the periods, and the code and libraries. ``catalogue``: its digest; ``in_force``: the rules.
    Secrets, the source and the time have no part in it.
    """
    ingredients = [
        order.provision,
        catalogue,
        province.mapping_digest(order.provision),
        province.digest,
        rules.digest(in_force),
        *(f"speaks for {unit}" for unit in order.speaks_for),
        *(f"reports {code}" for code in order.indicators),
        *(f"asked for {period}" for period in order.periods),
        *(_code_digest(package) for package in ["hub_core", *order.trusted]),
        f"Python {libraries.PYTHON}",
        *libraries.names(sys.path),
        order.plugin.environment or "",  # each install has a folder of its own
    ]
    return hashlib.sha256("\n".join(ingredients).encode()).hexdigest()


@lru_cache
def _code_digest(package: str) -> str:
    """Return the sha256 over a package's own files, as they were when this process first asked."""
    spec = importlib.util.find_spec(package)
    digest = hashlib.sha256(package.encode())
    for root in spec.submodule_search_locations or () if spec else ():
        for path in sorted(Path(root).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def parts_to_read(
    arriving: Iterable[tuple[Part, PayloadPart]],
    parts: list[Part],
    known_digests: list[str],
    open_landed: Callable[[Part], PayloadPart],
) -> Iterator[tuple[int, PayloadPart]]:
    """Yield the parts that must be read, with their places; none where all are as they were.

    They are as they were where their digests are ``known_digests``, in the same order. Every part
    that arrives is put into ``parts``. Parts that were passed over, until one differed, are opened
    again by ``open_landed``.
    """
    all_known = True
    for part, payload in arriving:
        parts.append(part)
        place = len(parts) - 1
        if all_known and place < len(known_digests) and known_digests[place] == part.digest:
            continue
        if all_known:
            all_known = False
            yield from ((n, open_landed(parts[n])) for n in range(place))
        yield place, payload
    if all_known and len(parts) < len(known_digests):
        yield from ((n, open_landed(part)) for n, part in enumerate(parts))
