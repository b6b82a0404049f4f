from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import pytest
from pydantic import BaseModel

from hub_core import hookimpl, structures
from hub_core.child.gathering import Gathering
from hub_core.config import province
from hub_core.contracts import PayloadPart, Reader, Settings
from hub_core.landing.layout import OBSERVATIONS, QUARANTINE, read_manifest
from hub_core.model.exchange import Gathered, GatherOrder, Manifest, Plugin
from hub_core.packages.load import ConnectorRegistry

NOW = datetime(2026, 1, 2, 3, tzinfo=UTC)
TABLES = {
    "units.csv": """\
unit,name_en,decimals,per,base,factor
người,persons,0,,,
%,percent,2,100,,
""",
    "indicators.csv": """\
code,dataflow,name_vi,name_en,unit,kind,agg_space,agg_time,numerator,denominator,frequencies,range,parts
AA.1,F,Tổng số,Total,người,stock,sum,last,,,"M,Q,A",any,AA.2+AA.3
AA.2,F,Phần một,Part one,người,stock,sum,last,,,"M,Q,A",>=0,
AA.3,F,Phần hai,Part two,người,stock,sum,last,,,"M,Q,A",>=0,
AA.4,F,Trong đó,Of which,người,stock,sum,last,,,"M,Q,A",<=AA.2,
AA.5,F,Tỷ lệ,Share,%,ratio,ratio,recompute,AA.4,AA.2,"M,Q,A",0..100,
""",
    "org_units.csv": """\
id,level,valid_from,valid_to,parent
vn,country,,,
vn-a,province,,,vn
vn-b,province,,2025-06-30,vn
vn-c,province,2025-07-01,,vn
""",
    "org_unit_names.csv": """\
org_unit,name,name_en,type,valid_from,valid_to
vn,Việt Nam,Viet Nam,quốc gia,,
vn-a,An Bình,An Binh,tỉnh,,
vn-b,Bình Yên,Binh Yen,tỉnh,,2025-06-30
vn-c,Cát Lâm,Cat Lam,tỉnh,2025-07-01,
""",
    "org_unit_codes.csv": "org_unit,scheme,code,valid_from,valid_to\n",
    "memberships.csv": "org_unit,member,valid_from,valid_to\n",
    "successions.csv": "date,kind,predecessor,successor,legal_act\n",
    "aliases.csv": "codelist,alias,code,valid_from,valid_to\n",
}
DATAFLOW = """
id = "F"
name_vi = "F"
name_en = "F"
calendar = "S"
frequencies = ["M", "Q", "A"]
covers = ["vn"]
sign_off = "none"
[limits]
quarantined_percent = 100
withdrawn_percent = 100
"""
PROVINCE = """
id = "p"
name = "P"
contact = { name = "bài kiểm thử", email = "thu@example.org", telephone = "024 0000 0000" }
[[providers]]
id = "P.D"
name = "Sở"
"""
MAP = """
[map]
org_unit = { column = "dv" }
period = { column = "ky" }
indicator = { column = "ct" }
measure = { column = "do" }
status = { column = "tt" }
value = { column = "gt", number = "vi" }
"""
SOUND = {"dv": "vn-a", "ky": "2025-Q2", "ct": "AA.2", "do": "actual", "tt": "A", "gt": "1"}


class Rows(Reader):
    """A reader of JSON rows, each an object of texts; each row's columns are those of the first."""

    kind: ClassVar[str] = "rows"
    Settings: ClassVar[type[BaseModel]] = Settings

    def read(self, part: PayloadPart) -> Iterator[pl.DataFrame]:
        """All rows in one frame; a text that is no JSON has none."""
        told = json.loads(part.content) if part.content.startswith(b"[") else []
        if told:
            frame = pl.DataFrame(told, schema=dict.fromkeys(told[0], pl.String))
            yield frame.with_row_index("row").cast({"row": pl.UInt64})

    def locate(self, part: PayloadPart, row: int, column: str | None) -> tuple[str, str]:
        """The place in the hub's own terms."""
        return f"{part.name} {row}", ""


class Offered:
    """What brings the reader in, as a trusted package would."""

    @staticmethod
    @hookimpl
    def hub_connectors() -> list[type[Reader]]:
        """The one reader."""
        return [Rows]


@dataclass
class Gone:
    """What came of one gather: the child's answer, and what it sealed by period."""

    answer: Gathered
    folders: dict[str, Path]

    @property
    def error(self) -> tuple[str, str] | None:
        """The error's class and words."""
        told = self.answer.error
        return None if told is None else (str(told["error"]), str(told["message"]))

    def manifest(self, period: str) -> Manifest:
        """What was sealed for a period."""
        return read_manifest(self.folders[period])

    def figures(self, period: str) -> list[tuple[str, str]]:
        """(indicator, value) of a period's figures."""
        frame = pl.read_parquet(self.folders[period] / OBSERVATIONS)
        return [
            (r["indicator"], f"{r['value'].normalize():f}") for r in frame.iter_rows(named=True)
        ]

    def quarantine(self, period: str) -> list[dict[str, Any]]:
        """A period's quarantined rows."""
        return pl.read_parquet(self.folders[period] / QUARANTINE).rows(named=True)

    def findings(self, period: str) -> list[tuple[str, str, int, str, int | None]]:
        """(code, severity, rows, text, row) of a period's findings.

        Not V021, as people come in halves here.
        """
        found = [f for f in self.manifest(period).findings if f.code != "V021"]
        return [(f.code, f.severity, f.rows, f.text, f.row) for f in found]


@dataclass
class Desk:
    """A province with one provision, gathered in this process.

    Each gather is the next in sequence.
    """

    folder: Path
    gathers: int = 0
    tables: dict[str, str] = field(default_factory=lambda: dict(TABLES))
    dataflow: str = DATAFLOW
    map: str = MAP
    more: str = ""
    source: str = ""  # in TOML; a folder of the parts, where nothing is said
    reader: str = 'kind = "rows"'
    order: dict[str, Any] = field(default_factory=dict)  # what else it says

    def gather(
        self,
        *parts: list[dict[str, str | None]] | str,
        asked: tuple[str, ...] = ("2025-Q2",),
        baseline: dict[str, Path] | None = None,
        again: bool = False,
    ) -> Gone:
        """Gather these parts, each a list of rows or a text.

        ``again`` reads the last ones over, as a replay.
        """
        root, system = self.folder / "package", self.folder / "system"
        for each in (root, system):
            each.mkdir(exist_ok=True)
        if not again:
            self.gathers += 1
            for old in system.iterdir():
                old.unlink()
            for n, part in enumerate(parts):
                text = part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
                (system / f"{n}.json").write_text(text, encoding="utf-8")
        (root / "province.toml").write_text(PROVINCE, encoding="utf-8")
        source = self.source or f'kind = "folder"\npath = "{system}"'
        source = f"[source]\n{source}\n[reader]\n{self.reader}\n"
        told = f'dataflow = "F"\nprovider = "P.D"\n{self.more}\n{source}{self.map}'
        (root / "x.toml").write_text(told, encoding="utf-8")
        texts = {f"catalogue/{name}": text for name, text in self.tables.items()} | {
            "dataflows/F.toml": self.dataflow
        }
        catalogue = structures.catalogue(texts)
        last = self.folder / f"scratch-{self.gathers}-0"
        scratch = last.with_name(f"scratch-{self.gathers}-1") if again else last
        scratch.mkdir()
        order = GatherOrder(
            gather=f"20250101-{self.gathers:08d}",
            replay=int(again),
            sequence=self.gathers,
            origin_start=date(2025, 1, 1),
            plugin=Plugin(name="p", module="hub_provinces.p", root=str(root)),
            trusted=["connectors"],
            provision="x",
            periods=list(asked),
            catalogue=str(structures.keep(texts, self.folder / "snapshots")),
            speaks_for=list(catalogue.org_units),
            indicators=list(catalogue.indicators),
            baseline={period: str(folder) for period, folder in (baseline or {}).items()},
            scratch=str(scratch),
            replay_of=str(last) if again else None,
            now=NOW,
            **self.order,
        )
        connectors = ConnectorRegistry(["connectors"])
        connectors.manager.register(Offered)
        connectors.take_offers()
        answer = Gathering(order, lambda _: None).run(lambda: (connectors, province.read(root)))
        folders = {read_manifest(Path(each)).period: Path(each) for each in answer.submissions}
        return Gone(answer, folders)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def row() -> Callable[..., dict[str, str | None]]:
    """A sound row; what is said stands in it."""

    def made(**told: str | None) -> dict[str, str | None]:
        return {**SOUND, **told}

    return made
