"""What the doctor finds. Each kind has a code that stays.

::

    leftovers of a hub or child that was killed: harmless, and --mend leaves none
      scratch     something in scratch/: what was landed is kept as a landing that is cut off, the rest removed
      new         a file that was being written (*.new): removed
      part        bytes that no landing and no manifest names: removed
      gather      a gather's folder without landing.json: removed
      submission  a submission's folder that was never admitted: removed
      snapshot    a kept catalogue that no row names: removed
      run         a run that began and never ended: noted as interrupted
      lease       a lease that nobody holds any more: given back
      install     an install of a package that is not in force: removed

    under way, or forgotten
      delivery    one without a receipt: the next night sends it, or asks first
      landing     one that the database has forgotten: --mend enters it, so that it can be replayed
      forgotten   a sealed submission that no row names, and no gather of this hub explains
      stray       a file that is none of the hub's

    packages that were installed into the home
      package     one that cannot run here: its files, its Python or what it needs are gone

    damage: never mended, but for a catalogue that config/ still holds
      missing     files are gone that a row or a landing names
      digest      a file is not the one that was sealed or landed
      release     its figures, its manifest or a revision that it names do not hold
      chain       a release does not name the manifest of the version before it
      catalogue   one in use is gone or changed
      schema      the database is of another version than this hub
      database    it is gone, cannot be read, or is broken by its own check
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "scratch",
    "new",
    "part",
    "gather",
    "submission",
    "snapshot",
    "run",
    "lease",
    "install",
    "delivery",
    "landing",
    "forgotten",
    "stray",
    "package",
    "missing",
    "digest",
    "release",
    "chain",
    "catalogue",
    "schema",
    "database",
]
Report = Callable[[str, dict[str, int]], None]
NOBODY, OPERATOR = "nobody", "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """Something that is not as it should be.

    ``who`` must act; ``mend`` is what ``--mend`` would do, if anything.
    """

    kind: Kind
    place: str
    what: str
    harmless: bool
    who: str
    mend: str = ""


def harmless(kind: Kind, place: str, what: str, mend: str = "") -> Symptom:
    """Return a symptom by which nothing is lost."""
    return Symptom(kind=kind, place=place, what=what, harmless=True, who=NOBODY, mend=mend)


def harmful(kind: Kind, place: str, what: str) -> Symptom:
    """Return a symptom by which somebody must decide or restore."""
    return Symptom(kind=kind, place=place, what=what, harmless=False, who=OPERATOR)
