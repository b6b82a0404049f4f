"""What somebody needs of the libraries that are installed, followed to its end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from importlib.metadata import Distribution

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hub_core.packages.libraries import find

Find = Callable[[str], Distribution | None]


@dataclass(frozen=True)
class Met:
    """What requirements come to.

    The libraries that they need, by name, and what of them is not met, in words.
    """

    libraries: dict[str, Distribution] = field(default_factory=dict)
    unmet: list[str] = field(default_factory=list)


def met(
    requires: Iterable[str],
    found: Find = find,
    without: Collection[str] = (),
    whole: Collection[str] = (),
) -> Met:
    """Follow requirements to their end among what is found.

    Those named in ``without`` are passed over; those in ``whole`` are looked at and not followed.
    """
    told = Met()
    waiting: list[tuple[str, str, tuple[str, ...]]] = [(text, "", ("",)) for text in requires]
    asked: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        text, whose, extras = waiting.pop(0)
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            told.unmet.append(f"{text!r}{whose} is no requirement")
            continue
        if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        name = canonicalize_name(wanted.name)
        if name in without:
            continue
        there = found(name)
        if there is None:
            told.unmet.append(f"{_bare(wanted)}{whose} is not there")
            continue
        if not wanted.specifier.contains(there.version, prereleases=True):
            told.unmet.append(f"{_bare(wanted)}{whose} is needed, and {there.version} is there")
        key = name, frozenset(wanted.extras)
        if key not in asked and name not in whole:
            asked.add(key)
            told.libraries[name] = there
            waiting += [
                (each, f" (for {name})", ("", *wanted.extras)) for each in there.requires or ()
            ]
    return told


def _bare(wanted: Requirement) -> str:
    """A requirement without its marker, which holds."""
    return str(wanted).partition(";")[0].strip()
