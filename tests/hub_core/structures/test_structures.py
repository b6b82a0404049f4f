from __future__ import annotations

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from hub_core import structures
from hub_core.errors import ConfigurationError, StoreError
from hub_core.model.catalogue import Catalogue

ROOT = Path(__file__).parents[3]
TELECOM = "dataflows/TELECOM.toml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped configuration that a test may spoil."""
    return shutil.copytree(ROOT / "config", tmp_path / "config")


def load(folder: Path) -> Catalogue:
    return structures.catalogue(structures.read_texts(folder))


def edit(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{name} has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def add(folder: Path, name: str, line: str) -> int:
    """Put a line at the end of a table; its number."""
    path = folder / "catalogue" / name
    text = path.read_text(encoding="utf-8").rstrip("\n") + "\n" + line + "\n"
    path.write_text(text, encoding="utf-8")
    return text.count("\n")


def test_the_shipped_configuration_loads(folder: Path) -> None:
    found = load(folder)
    assert {"TELECOM", "DENOMINATORS"} <= set(found.dataflows)
    assert found.dataflows["TELECOM"].calendar.value == "S"
    assert len(found.digest) == 64
    assert found.indicators["VT.06"].components == ("VT.05", "VT.03")
    assert found.indicators["VT.00"].parts == ("VT.03", "VT.04")
    assert found.dataflows["STATE_BUDGET"].parts_percent == Decimal("0.001")


# Lines that are wrong

UNIT = "units.csv"
INDICATORS = "indicators.csv"
ORG_UNITS = "org_units.csv"
LINES: dict[str, tuple[str, str, str]] = {
    "a date that is none": (
        ORG_UNITS,
        "x,province,2025-02-30,,vn,",
        "2025-02-30|day is out of range",
    ),
    "a date in another order": (ORG_UNITS, "x,province,30/06/2025,,vn,", "30/06/2025"),
    "a validity that ends before it begins": (
        ORG_UNITS,
        "x,province,2025-07-01,2025-06-30,vn,",
        "before it begins",
    ),
    "a name that ends before it begins": (
        "org_unit_names.csv",
        "vn,A,A,x,2025-07-01,2025-06-30",
        "before it begins",
    ),
    "a code that ends before it begins": (
        "org_unit_codes.csv",
        "vn,GSO,1,2025-07-01,2025-06-30",
        "before it begins",
    ),
    "a membership that ends before it begins": (
        "memberships.csv",
        "cluster-5,vn,2025-07-01,2025-06-30",
        "before it",
    ),
    "an id that is no slug": (ORG_UNITS, "Vn_X,province,,,vn,", "Vn_X"),
    "an org unit twice": (ORG_UNITS, "vn,country,,,,", "vn stands there twice"),
    "a unit twice": (UNIT, "%,percent,2,100,,", "% stands there twice"),
    "an indicator twice": (
        INDICATORS,
        "VT.03,TELECOM,a,a,thuê bao,stock,sum,last,,,Q,+,>=0,S5,,",
        "VT.03 stands there twice",
    ),
    "decimals that are no number": (UNIT, "x,x,two,,,", "two"),
    "a factor that is no number": (UNIT, "x,x,2,,%,nghìn", "nghìn|ConversionSyntax"),
    "a way to add that is none": (
        INDICATORS,
        "X.1,TELECOM,a,a,%,stock,mean,last,,,Q,+,any,S,,",
        "agg_space 'mean'",
    ),
    "a way to add in time that is none": (
        INDICATORS,
        "X.1,TELECOM,a,a,%,stock,sum,first,,,Q,+,any,S,,",
        "agg_time 'first'",
    ),
    "a frequency that is none": (
        INDICATORS,
        'X.1,TELECOM,a,a,%,stock,sum,last,,,"Q,W",+,any,S,,',
        "Q,W",
    ),
    "a line that is too short": (
        INDICATORS,
        "X.1,TELECOM,a,a,%,stock",
        "X.1|agg_space|NoneType|short",
    ),
    "an org unit that is too short": (ORG_UNITS, "vn-x,province", "short|fields|parent|valid"),
    "a line that is too long": (ORG_UNITS, "vn-x,province,,,vn,,,x", "long|fields|columns"),
    "a quotation mark too many": (ORG_UNITS, 'vn-x,province,,,vn,"a"b', "line"),
    "an unknown range": (INDICATORS, "X.1,TELECOM,a,a,%,stock,sum,last,,,Q,+,0-100,S,,", "0-100"),
    "a range that is no number": (
        INDICATORS,
        "X.1,TELECOM,a,a,%,stock,sum,last,,,Q,+,0..x,S,,",
        r"0\.\.x",
    ),
    "an unknown kind": (INDICATORS, "X.1,TELECOM,a,a,%,stok,sum,last,,,Q,+,any,S,,", "stok"),
    "an unknown kind of succession": (
        "successions.csv",
        "2025-07-01,swallow,vn-ha-noi,vn-da-nang,x",
        "swallow",
    ),
}


@pytest.mark.parametrize("what", LINES)
def test_a_line_that_is_wrong_is_named_with_its_file_and_number(folder: Path, what: str) -> None:
    name, line, words = LINES[what]
    number = add(folder, name, line)
    with pytest.raises(ConfigurationError, match=words) as told:
        load(folder)
    assert f"catalogue/{name}, line {number}" in str(told.value)


REFERENCES: dict[str, tuple[str, str, str]] = {
    "an unknown part": (
        INDICATORS,
        "X.1,TELECOM,a,a,%,stock,sum,last,,,Q,+,any,S,VT.03+VT.98,",
        "X.1, parts names VT.98",
    ),
    "an unknown component": (
        INDICATORS,
        "X.1,TELECOM,a,a,%,ratio,ratio,recompute,VT.98,VT.03,Q,+,any,S,,",
        "VT.98",
    ),
    "an unknown weight": (
        INDICATORS,
        "X.1,TELECOM,a,a,%,index,weighted_avg(VT.98),avg,,,Q,+,any,S,,",
        "VT.98",
    ),
    "an unknown unit": (
        INDICATORS,
        "X.1,TELECOM,a,a,furlong,stock,sum,last,,,Q,+,any,S,,",
        "furlong",
    ),
    "an unknown dataflow": (INDICATORS, "X.1,POSTAL,a,a,%,stock,sum,last,,,Q,+,any,S,,", "POSTAL"),
    "an unknown indicator as a limit": (
        INDICATORS,
        "X.1,TELECOM,a,a,%,stock,sum,last,,,Q,+,<=VT.98,S,,",
        "VT.98",
    ),
    "an unknown base": (UNIT, "dặm,mile,,,furlong,8", "furlong"),
    "an unknown parent": (ORG_UNITS, "vn-x,province,,,atlantis,", "atlantis"),
    "a name of nobody": ("org_unit_names.csv", "atlantis,A,A,x,,", "atlantis"),
    "a code of nobody": ("org_unit_codes.csv", "atlantis,GSO,99,,", "atlantis"),
    "an unknown member": ("memberships.csv", "cluster-5,atlantis,,", "atlantis"),
    "a member of nothing": ("memberships.csv", "atlantis,vn-ha-noi,,", "atlantis"),
    "a successor that is not there": (
        "successions.csv",
        "2025-07-01,merge,vn-ha-noi,atlantis,x",
        "atlantis",
    ),
    "an org unit above itself": (ORG_UNITS, "vn-x,province,,,vn-x,", "vn-x"),
    "a cluster that is its own member": ("memberships.csv", "cluster-5,cluster-5,,", "cluster-5"),
    "a member above its cluster": ("memberships.csv", "vn-ha-noi,vn,,", "vn"),
}


@pytest.mark.parametrize("what", REFERENCES)
def test_what_refers_to_nothing_or_to_itself_is_named_with_its_file(
    folder: Path, what: str
) -> None:
    name, line, words = REFERENCES[what]
    add(folder, name, line)
    with pytest.raises(ConfigurationError, match=words) as told:
        load(folder)
    assert name in str(told.value)


MISFITS: dict[str, tuple[str, str]] = {
    "a frequency that its dataflow lacks": (
        "X.1,TELECOM,a,a,%,stock,sum,last,,,S,+,any,S,,",
        "TELECOM is not reported by S",
    ),
    "a ratio without a denominator": (
        "X.1,TELECOM,a,a,%,ratio,ratio,recompute,VT.03,,Q,+,any,S,,",
        "a ratio needs agg_space ratio, numerator and denominator",
    ),
    "a ratio that is added": (
        "X.1,TELECOM,a,a,%,ratio,sum,last,VT.03,VT.03,Q,+,any,S,,",
        "a ratio needs agg_space ratio",
    ),
    "a share of what is not added": (
        "X.1,DIGITAL_GOVERNMENT,a,a,%,ratio,ratio,recompute,CQ.02,CQ.08,Q,+,any,S,,",
        "made from CQ.02, which is not summed",
    ),
    "a share of a ratio": (
        "X.1,TELECOM,a,a,%,ratio,ratio,recompute,VT.03,VT.06,Q,+,any,S,,",
        "made from VT.06, which is not summed",
    ),
    "an average weighed by an index": (
        "X.1,DIGITAL_TRANSFORMATION_INDEX,a,a,%,index,weighted_avg(DT.01),last,,,A,+,any,S,,",
        "made from DT.01, which is not summed",
    ),
    "a component of another calendar": (
        "X.1,STATE_MANAGEMENT,a,a,%,ratio,ratio,recompute,QL.02,KX.90,Q,+,any,S,,",
        "made from KX.90, which is counted in another calendar",
    ),
    "a component that is only finer": (
        'X.1,TELECOM,a,a,x,flow,sum,sum,,,M,+,any,S,,\nX.2,TELECOM,a,a,%,ratio,ratio,recompute,X.1,VT.03,"M,A",+,any,S,,',
        "X.2: it is made from X.1, which is not reported by A or anything coarser",
    ),
    "a part twice": (
        "X.1,TELECOM,a,a,thuê bao,stock,sum,last,,,Q,+,any,S,VT.03+VT.03,",
        "has a part twice",
    ),
    "a part of another unit": (
        "X.1,TELECOM,a,a,trạm,stock,sum,last,,,Q,+,any,S,VT.03+VT.13,",
        "has parts of another unit or dataflow",
    ),
    "a part of another dataflow": (
        "X.1,POST,a,a,thuê bao,stock,sum,last,,,Q,+,any,S,VT.03+VT.04,",
        "has parts of another unit or dataflow",
    ),
    "a part that is a share": (
        "X.1,TELECOM,a,a,%,stock,sum,last,,,Q,+,any,S,VT.06+VT.15,",
        "has parts and is not counted, or its parts are not",
    ),
    "a part that is reported less often": (
        'X.1,POST,a,a,bưu gửi,flow,sum,sum,,,"M,Q",+,any,S,BC.04+BC.12,',
        "has parts that are not reported as often",
    ),
    "a limit that is a share": (
        "X.1,TELECOM,a,a,%,stock,sum,last,,,Q,+,<=VT.06,S,,",
        "range <=VT.06: a limit is another flow or stock",
    ),
    "its own limit": (
        "XX.1,TELECOM,a,a,%,stock,sum,last,,,Q,+,<=XX.1,S,,",
        "range <=XX.1: a limit is another flow or stock",
    ),
    "a term of another dataflow": (
        "X.1,TELECOM,a,a,điểm,index,none,last,,,A,+,any,S,,0.5*DT.01+0.5*DT.02",
        "formula: DT.01 is of another dataflow",
    ),
    "a term that is reported less often": (
        "X.1,POST,a,a,điểm,index,none,last,,,Q,+,any,S,,0.5*BC.04+0.5*BC.05",
        "formula: BC.05 is not reported as often",
    ),
    "a term that is an average": (
        "X.1,DENOMINATORS,a,a,điểm,index,none,last,,,A,+,any,S,,0.5*KX.90+0.5*KX.95",
        "formula: KX.90 is averaged over time",
    ),
    "a rank that is an index": (
        "X.1,DIGITAL_TRANSFORMATION_INDEX,a,a,điểm,index,none,last,,,A,+,any,S,,rank(DT.00)",
        "only an indicator of kind rank is a rank",
    ),
    "a rank in what is neither good nor bad": (
        "X.1,POST,a,a,hạng,rank,none,last,,,A,-,any,S,,rank(BC.01)",
        r"BC.01 does not say what is better, \+ or -",
    ),
    "its own part": (
        "X.1,TELECOM,a,a,trạm,stock,sum,last,,,Q,+,any,S,VT.13+X.1,",
        "X.1: is made of itself",
    ),
    "a rank in itself": (
        "X.1,POST,a,a,hạng,rank,none,last,,,A,-,any,S,,rank(X.1)",
        "X.1: is made of itself",
    ),
    "a circle": (
        "X.1,POST,a,a,x,stock,sum,last,,,A,+,any,S,X.2,\nX.2,POST,a,a,x,stock,sum,last,,,A,+,any,S,,1*X.1",
        "X.1: is made of itself.*X.2: is made of itself",
    ),
}


@pytest.mark.parametrize("what", MISFITS)
def test_an_indicator_that_does_not_fit_is_named_with_its_file_and_code(
    folder: Path, what: str
) -> None:
    line, words = MISFITS[what]
    add(folder, UNIT, "x,x,0,,,")
    add(folder, INDICATORS, line)
    with pytest.raises(ConfigurationError, match=words) as told:
        load(folder)
    assert f"indicators.csv: {line.rpartition(chr(10))[2].split(',', 1)[0]}: " in str(told.value)


def test_a_dataflow_without_indicators_is_named_with_its_file(folder: Path) -> None:
    text = (folder / TELECOM).read_text(encoding="utf-8").replace('"TELECOM"', '"OTHER"')
    (folder / "dataflows" / "OTHER.toml").write_text(text, encoding="utf-8")
    with pytest.raises(
        ConfigurationError,
        match=r"dataflows/OTHER\.toml: indicators\.csv has no indicator of OTHER",
    ):
        load(folder)


def test_an_unknown_term_is_named(folder: Path) -> None:
    add(folder, INDICATORS, "X.1,POST,a,a,hạng,rank,none,last,,,A,-,any,S,,rank(BC.99)")
    with pytest.raises(
        ConfigurationError, match=r"indicators\.csv: X\.1, formula names BC\.99, which is not there"
    ):
        load(folder)


def test_a_cycle_over_two_org_units_is_found(folder: Path) -> None:
    add(folder, ORG_UNITS, "vn-x,province,,,vn-y,\nvn-y,province,,,vn-x,")
    with pytest.raises(ConfigurationError, match=r"vn-[xy] is above itself"):
        load(folder)


@pytest.mark.parametrize("name", structures.TABLES)
def test_a_missing_column_is_named_with_its_file(folder: Path, name: str) -> None:
    path = folder / "catalogue" / name
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) > 1, "a table without lines misses no column"
    key = lines[0].split(",")[1]
    lines[0] = lines[0].replace(key, "khac", 1)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=key) as told:
        load(folder)
    assert f"catalogue/{name}" in str(told.value)


@pytest.mark.parametrize("name", structures.TABLES)
def test_a_missing_table_is_named(folder: Path, name: str) -> None:
    (folder / "catalogue" / name).unlink()
    with pytest.raises(ConfigurationError, match=name.replace(".", r"\.")):
        load(folder)


# How files are written


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(folder: Path) -> None:
    before = load(folder)
    for path in [*(folder / "catalogue").glob("*.csv"), *(folder / "dataflows").glob("*.toml")]:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load(folder) == before


def test_composed_and_decomposed_texts_are_one_catalogue(folder: Path) -> None:
    import unicodedata

    before = load(folder)
    for path in (folder / "catalogue").glob("*.csv"):
        path.write_text(
            unicodedata.normalize("NFD", path.read_text(encoding="utf-8")), encoding="utf-8"
        )
    assert load(folder).digest == before.digest


@pytest.mark.parametrize(
    "content",
    ["unit,name_en\nđồng,dong\n".encode("utf-16"), b"unit,name_en\n\xf0\xea\xccng,dong\n"],
)
def test_what_is_not_utf_8_is_named(folder: Path, content: bytes) -> None:
    (folder / "catalogue" / "units.csv").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"units\.csv"):
        load(folder)


# Dataflows

TOML: dict[str, tuple[Callable[[str], str], str]] = {
    "an unknown key": (lambda text: "deadline = 5\n" + text, "deadline: unknown key"),
    "an unknown limit": (lambda text: text + "too_many = 5\n", "limits.too_many: unknown key"),
    "no calendar": (lambda text: text.replace("calendar ", "# "), "calendar"),
    "an unknown calendar": (lambda text: text.replace('"S"', '"L"'), "calendar"),
    "an unknown frequency": (lambda text: text.replace('["M", "Q", "A"]', '["D"]'), "frequencies"),
    "a small id": (lambda text: text.replace('"TELECOM"', '"telecom"'), "id"),
    "what is no TOML": (lambda text: text + "[", "TELECOM"),
    "nothing to cover": (lambda text: text.replace('["cluster-5"]', "[]"), "covers"),
    "a cover that is not there": (
        lambda text: text.replace('["cluster-5"]', '["cluster-6"]'),
        "cluster-6",
    ),
    "no look back": (lambda text: text.replace("look_back   = 1", "look_back = 0"), "look_back"),
    "more than all of a total": (
        lambda text: text + "parts_percent = 101\n",
        "limits.parts_percent",
    ),
    "a negative limit": (
        lambda text: text.replace("quarantined_percent = 5", "quarantined_percent = -5"),
        "quarantined",
    ),
}


@pytest.mark.parametrize("what", TOML)
def test_a_dataflow_that_is_wrong_is_named_with_its_file_and_key(folder: Path, what: str) -> None:
    change, words = TOML[what]
    path = folder / TELECOM
    text = path.read_text(encoding="utf-8")
    assert change(text) != text
    path.write_text(change(text), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=words) as told:
        load(folder)
    assert "TELECOM" in str(told.value)


def test_two_files_of_one_dataflow_are_refused(folder: Path) -> None:
    shutil.copyfile(folder / TELECOM, folder / "dataflows" / "A_COPY.toml")
    with pytest.raises(ConfigurationError, match=r"TELECOM"):
        load(folder)


# Snapshots


def test_a_snapshot_gives_the_same_catalogue_and_digest(folder: Path, tmp_path: Path) -> None:
    texts = structures.read_texts(folder)
    path = structures.keep(texts, tmp_path / "snapshots")
    assert path.name == f"{structures.digest(texts)}.json"
    assert structures.open_snapshot(path) == structures.catalogue(texts)
    assert structures.open_snapshot(path).digest == structures.digest(texts)


def test_a_snapshot_that_is_not_what_was_kept_is_refused(folder: Path, tmp_path: Path) -> None:
    path = structures.keep(structures.read_texts(folder), tmp_path / "snapshots")
    path.write_bytes(path.read_bytes().replace(b"households", b"homes"))
    with pytest.raises(StoreError, match="is not the catalogue that was kept"):
        structures.open_snapshot(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"format": 2, "files": {}}', "format 2, and this hub reads 1"),
        ("{", "Expecting"),
        ("", ""),
    ],
)
def test_a_snapshot_that_this_hub_cannot_read_is_refused_by_name(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "snapshot.json"
    path.write_text(text)
    with pytest.raises(StoreError, match=f"{path}: .*{words}"):
        structures.open_snapshot(path)


def test_a_snapshot_is_kept_once_and_never_changed(folder: Path, tmp_path: Path) -> None:
    texts = structures.read_texts(folder)
    path = structures.keep(texts, tmp_path)
    before = path.stat().st_mtime_ns, path.read_bytes()
    assert structures.keep(texts, tmp_path) == path
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before


def test_any_change_is_another_catalogue(folder: Path, tmp_path: Path) -> None:
    one = structures.keep(structures.read_texts(folder), tmp_path)
    edit(folder, "catalogue/units.csv", "households", "homes")
    other = structures.keep(structures.read_texts(folder), tmp_path)
    assert one != other
    assert structures.open_snapshot(one).units["hộ"].name_en == "households"
    assert structures.open_snapshot(other).units["hộ"].name_en == "homes"


def test_the_digest_does_not_depend_on_the_order_of_files() -> None:
    texts = structures.read_texts(ROOT / "config")
    assert structures.digest(dict(reversed(texts.items()))) == structures.digest(texts)
