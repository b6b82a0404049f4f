"""Draws the pictures: a text of boxes and arrows becomes an SVG that reads in light and in dark.

A picture is a TOML file. Places are columns and rows of its grid, in fractions where that reads better;
sizes are pixels of a picture 700 wide. Text stays text, in the reader's own fonts.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

WIDTH, MARGIN = 700, 20
LINE = 16  # pixels from line to line
SIZE, SMALL = 13, 12  # of a box's name, and of other text
BOLD, THIN = 0.6, 0.55  # how wide a letter is, of its size, in a wide font
COLOURS = {  # light, dark: paper and ink, then the fill and the line of each kind
    "paper": ("#ffffff", "#16191d"),
    "ink": ("#1c2330", "#e8ebef"),
    "quiet": ("#4d5866", "#aab4c0"),
    "plain-fill": ("#f1f3f6", "#262b32"),
    "plain-line": ("#8793a1", "#76828f"),
    "outside-fill": ("#fff4dd", "#3a2f17"),
    "outside-line": ("#b37a00", "#d9a94a"),
    "child-fill": ("#e7f0ff", "#1b2c47"),
    "child-line": ("#3367b0", "#7fabec"),
    "hub-fill": ("#e5f5ea", "#19351f"),
    "hub-line": ("#2e7d46", "#74c38b"),
    "stop-fill": ("#fde9e7", "#431f1c"),
    "stop-line": ("#b3402f", "#e58f82"),
}
KINDS = tuple(name.removesuffix("-fill") for name in COLOURS if name.endswith("-fill"))


@dataclass(frozen=True, kw_only=True)
class Box:
    """A box around its place: the first line is its name, the others say more."""

    id: str
    at: tuple[float, float]
    size: tuple[float, float] = (150, 44)
    text: list[str]
    kind: str = "plain"
    align: str = "middle"
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """A line from a box to a box: ``name.side``, or points of the grid between."""

    path: list[Any]
    text: list[str] = field(default_factory=list)
    label: tuple[float, float] | None = None
    align: str = "middle"
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A band behind boxes, from corner to corner, with its name."""

    text: list[str]
    corners: tuple[float, float, float, float]
    kind: str = "plain"


@dataclass(frozen=True, kw_only=True)
class Note:
    """Lines of text that stand free."""

    at: tuple[float, float]
    text: list[str]
    align: str = "start"


class Picture:
    """One picture, as its file says it."""

    def __init__(self, path: Path) -> None:
        picture = tomllib.loads(path.read_text(encoding="utf-8"))
        self._title, self._about = picture.pop("title"), picture.pop("about")
        self._column, self._row = picture.pop("grid")
        self._height = picture.pop("height")
        self._boxes = {each["id"]: Box(**each) for each in picture.pop("box", [])}
        self._arrows = [Arrow(**each) for each in picture.pop("arrow", [])]
        self._zones = [Zone(**each) for each in picture.pop("zone", [])]
        self._notes = [Note(**each) for each in picture.pop("note", [])]
        if picture:
            raise ValueError(f"{path.name}: {', '.join(picture)} is no part of a picture")

    def svg(self) -> str:
        """Return the picture as SVG. Raises ValueError where a text does not fit its box."""
        drawn = [
            *(self._zone(each) for each in self._zones),
            *(self._arrow(each) for each in self._arrows),
            *(self._box(each) for each in self._boxes.values()),
            *(self._labelled(each) for each in self._arrows),
            *(
                self._text(self._point(each.at), each.text, each.align, "quiet")
                for each in self._notes
            ),
        ]
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self._height}"'
                f' width="{WIDTH}" height="{self._height}" role="img" aria-labelledby="title about">',
                f'<title id="title">{escape(self._title)}</title>',
                f'<desc id="about">{escape(" ".join(self._about.split()))}</desc>',
                _style(),
                '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7"'
                ' markerHeight="7" orient="auto-start-reverse"><path d="M0 1 L10 5 L0 9 z" class="head"/>'
                "</marker></defs>",
                f'<rect class="paper" width="{WIDTH}" height="{self._height}" rx="8"/>',
                *drawn,
                "</svg>",
                "",
            ]
        )

    def _point(self, at: Any) -> tuple[float, float]:
        return MARGIN + at[0] * self._column, MARGIN + at[1] * self._row

    def _zone(self, zone: Zone) -> str:
        left, top = self._point(zone.corners[:2])
        right, bottom = self._point(zone.corners[2:])
        return (
            f'<rect class="zone {zone.kind}" x="{left:g}" y="{top:g}" width="{right - left:g}"'
            f' height="{bottom - top:g}" rx="6"/>\n'
            + self._text((left + 10, top + 19), zone.text, "start", "quiet")
        )

    def _box(self, box: Box) -> str:
        (x, y), (width, height) = self._point(box.at), box.size
        if box.kind not in KINDS:
            raise ValueError(f"{box.id}: {box.kind} is none of {', '.join(KINDS)}")
        longest = max(
            len(line) * (SMALL * THIN if number else SIZE * BOLD)
            for number, line in enumerate(box.text)
        )
        if longest > width - 8 or len(box.text) * LINE > height - 4:
            raise ValueError(
                f"{box.id}: its text needs {longest + 8:.0f} x {len(box.text) * LINE + 4}"
            )
        kind = f"box {box.kind} dashed" if box.dashed else f"box {box.kind}"
        first = y - (len(box.text) - 1) * LINE / 2 + 4.5
        left = x if box.align == "middle" else x - width / 2 + 10
        return (
            f'<rect class="{kind}" x="{x - width / 2:g}" y="{y - height / 2:g}"'
            f' width="{width:g}" height="{height:g}" rx="6"/>\n'
            + self._text((left, first), box.text, box.align, "box")
        )

    def _text(
        self, place: tuple[float, float], lines: list[str], align: str, kind: str = ""
    ) -> str:
        """Lines of text, in a box the first as its name."""
        x, y = place
        spans = []
        for number, line in enumerate(lines):
            weight = "" if kind != "box" else ' class="quiet"' if number else ' class="name"'
            spans.append(
                f'<tspan x="{x:g}" y="{y + number * LINE:g}"{weight}>{escape(line)}</tspan>'
            )
        named = f' class="{kind}"' if kind in ("quiet", "label") else ""
        anchor = "" if align == "start" else f' text-anchor="{align}"'
        return f"<text{named}{anchor}>{''.join(spans)}</text>"

    def _arrow(self, arrow: Arrow) -> str:
        points = " ".join(f"{x:g},{y:g}" for x, y in self._corners(arrow))
        dashed = ' class="dashed"' if arrow.dashed else ""
        return f'<polyline{dashed} points="{points}" marker-end="url(#head)"/>'

    def _labelled(self, arrow: Arrow) -> str:
        if not arrow.text:
            return ""
        corners = self._corners(arrow)
        (ax, ay), (bx, by) = max(
            pairwise(corners),
            key=lambda pair: abs(pair[0][0] - pair[1][0]) + abs(pair[0][1] - pair[1][1]),
        )
        x, y = self._point(arrow.label) if arrow.label else ((ax + bx) / 2, (ay + by) / 2)
        middle = y - (len(arrow.text) - 1) * LINE / 2 + 4
        return self._text((x, middle), arrow.text, arrow.align, "label")

    def _corners(self, arrow: Arrow) -> list[tuple[float, float]]:
        return [
            self._side(each) if isinstance(each, str) else self._point(each) for each in arrow.path
        ]

    def _side(self, picture: str) -> tuple[float, float]:
        """Return a place on the border of a box: ``name.right``, or ``name.right+12`` so far down or on."""
        name, _, side = picture.partition(".")
        side, _, shift = side.partition("+")
        box = self._boxes[name]
        (x, y), (width, height), on = self._point(box.at), box.size, float(shift or 0)
        return {
            "left": (x - width / 2, y + on),
            "right": (x + width / 2, y + on),
            "top": (x + on, y - height / 2),
            "bottom": (x + on, y + height / 2),
        }[side]


def _style() -> str:
    def colours(which: int) -> str:
        return " ".join(f"--{name}: {pair[which]};" for name, pair in COLOURS.items())

    kinds = "\n".join(
        f".{kind} {{ fill: var(--{kind}-fill); stroke: var(--{kind}-line); }}" for kind in KINDS
    )
    return f"""<style>
svg {{ {colours(0)} }}
@media (prefers-color-scheme: dark) {{ svg {{ {colours(1)} }} }}
text {{ font: {SMALL}px system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: var(--ink); }}
.name {{ font-size: {SIZE}px; font-weight: 600; }}
.quiet {{ fill: var(--quiet); }}
.label {{ paint-order: stroke; stroke: var(--paper); stroke-width: 5px; stroke-linejoin: round; }}
.paper {{ fill: var(--paper); }}
.head {{ fill: var(--quiet); }}
{kinds}
.box {{ stroke-width: 1.4; }}
.zone {{ fill-opacity: 0.45; stroke: none; }}
.dashed {{ stroke-dasharray: 5 4; }}
polyline {{ fill: none; stroke: var(--quiet); stroke-width: 1.4; stroke-linejoin: round; }}
</style>"""
