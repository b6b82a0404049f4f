"""Requirements, followed to their end among the libraries that are installed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from importlib.metadata import Distribution

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hub_core.packages.libraries import find

Find = Callable[[str], Distribution | None]


@dataclass(frozen=True)
class ResolvedRequirements:
    """What requirements come to: the libraries they need, by name, and what is unmet, in words."""

    libraries: dict[str, Distribution] = field(default_factory=dict)
    unmet: list[str] = field(default_factory=list)


def resolve_requirements(
    requires: Iterable[str],
    find_library: Find = find,
    without: Collection[str] = (),
    unfollowed: Collection[str] = (),
) -> ResolvedRequirements:
    """Follow requirements to their end among the libraries that are found.

    Those named in ``without`` are passed over; those in ``unfollowed`` are checked, but what they
    need in turn is not followed.
    """
    resolved = ResolvedRequirements()
    waiting: list[tuple[str, str, tuple[str, ...]]] = [(text, "", ("",)) for text in requires]
    followed: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        text, origin, extras = waiting.pop(0)
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            resolved.unmet.append(f"{text!r}{origin} is no requirement")
            continue
        if requirement.marker and not any(
            requirement.marker.evaluate({"extra": extra}) for extra in extras
        ):
            continue
        name = canonicalize_name(requirement.name)
        if name in without:
            continue
        library = find_library(name)
        if library is None:
            resolved.unmet.append(f"{_bare(requirement)}{origin} is not there")
            continue
        if not requirement.specifier.contains(library.version, prereleases=True):
            resolved.unmet.append(
                f"{_bare(requirement)}{origin} is needed, and {library.version} is there"
            )
        key = name, frozenset(requirement.extras)
        if key not in followed and name not in unfollowed:
            followed.add(key)
            resolved.libraries[name] = library
            waiting += [
                (needed, f" (for {name})", ("", *requirement.extras))
                for needed in library.requires or ()
            ]
    return resolved


def _bare(requirement: Requirement) -> str:
    """Write a requirement without its marker, which is known to be true here."""
    return str(requirement).partition(";")[0].strip()
