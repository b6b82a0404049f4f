from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from hub_core.calendar.working_days import NOTHING
from hub_core.config import operator as configuration
from hub_core.errors import ConfigurationError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the shipped configuration."""
    shutil.copytree(ROOT / "config", tmp_path / "home" / "config")
    return tmp_path / "home"


def edit(home: Path, name: str, old: str, new: str) -> None:
    path = home / "config" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def duty(home: Path, **told: object) -> None:
    """One obligation more."""
    fixed: dict[str, object] = {
        "dataflow": "TELECOM",
        "provider": "DA_NANG.SKHCN",
        "province": "da_nang",
        "speaks_for": ["vn-da-nang"],
        "frequencies": ["Q"],
        "due": '{ Q = "+5 days" }',
        "legal": "x",
    }
    lines = ["[[obligation]]"]
    for key, value in (fixed | told).items():
        text = (
            value if isinstance(value, str) and value[:1] in "{2" else repr(value).replace("'", '"')
        )
        lines.append(f"{key} = {text}")
    with (home / "config" / "obligations" / "more.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def refused(home: Path, *words: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        configuration.load(home)
    for each in words:
        assert re.search(each, str(told.value)), str(told.value)


def test_the_shipped_configuration_loads(home: Path) -> None:
    found = configuration.load(home)
    assert found.home == home.resolve()
    assert {duty.province for duty in found.obligations} >= {"thanh_hoa", "nghe_an", "quang_tri"}
    assert found.settings.gather.allow_loopback is False
    assert found.settings.plugins.trusted == ["connectors"]


def test_a_folder_that_is_no_home_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no hub's home.*hub init"):
        configuration.load(tmp_path)


# hub.toml


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name = ", "naem = ", "naem: unknown key"),
        ("[store]", "[store]\nbackup = 1", "store.backup: unknown key"),
        ("[gather]", "[gather]\nprocess = 1", "gather.process: unknown key"),
        ("processes = 2", "processes = 0", "gather.processes"),
        ("processes = 2", "processes = 65", "gather.processes"),
        ("seconds   = 600", "seconds = 0", "gather.seconds"),
        ("seconds   = 600", 'seconds = "long"', "gather.seconds"),
        ("memory_mb  = 2048", "memory_mb = 100", "gather.memory_mb"),
        (
            "[store]",
            '[provinces.nghe_an]\nisolation = "machine"\n[store]',
            "provinces.nghe_an.isolation",
        ),
        (
            "[store]",
            '[provinces.nghe_an]\nisolation = "user"\n[store]',
            'and user = "NAME" go together',
        ),
        (
            "[store]",
            '[provinces.nghe_an]\nuser = "hub-nghe-an"\n[store]',
            'and user = "NAME" go together',
        ),
        ("[store]", "[store", "hub.toml"),
        ("[plugins]", "[plugin]", "plugin: unknown key"),
    ],
)
def test_a_wrong_key_of_hub_toml_is_named(home: Path, old: str, new: str, words: str) -> None:
    edit(home, "hub.toml", old, new)
    refused(home, r"hub\.toml", words)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///hub.db", "{home}/hub.db"),
        ("sqlite:///./data/hub.db", "{home}/data/hub.db"),
        ("sqlite:///../hub.db", "{above}/hub.db"),
        ("sqlite:////srv/hub.db", "/srv/hub.db"),
    ],
)
def test_a_relative_database_is_in_the_home(
    home: Path, url: str, path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    edit(home, "hub.toml", "sqlite:///hub.db", url)
    monkeypatch.chdir(tmp_path)
    found = configuration.load(Path("home"))
    assert found.database == "sqlite:///" + path.format(home=home, above=home.parent)


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://hub@db/hub", "postgresql+psycopg://hub@/hub?host=/run/pg"]
)
def test_another_databases_address_stays_as_it_is(home: Path, url: str) -> None:
    edit(home, "hub.toml", "sqlite:///hub.db", url)
    assert configuration.load(home).database == url


def test_landing_zone_and_package_folders_are_taken_from_the_home(home: Path) -> None:
    edit(home, "hub.toml", "folders = []", 'folders = ["../plugins", "/opt/plugins"]')
    found = configuration.load(home)
    assert found.landing == home / "landing"
    assert found.plugin_folders == [home.parent / "plugins", Path("/opt/plugins")]


def test_the_catalogue_in_use_is_kept_in_the_home(home: Path) -> None:
    found = configuration.load(home)
    path = found.snapshot()
    assert path == home / "catalogues" / f"{found.catalogue.digest}.json"
    assert path.exists()


def test_a_byte_order_mark_of_an_editor_changes_nothing(home: Path) -> None:
    before = configuration.load(home)
    for path in (home / "config").rglob("*.toml"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert configuration.load(home) == before


# Obligations


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"dataflow": "POSTAL"}, r"DA_NANG\.SKHCN names dataflow POSTAL, which is not there"),
        ({"speaks_for": ["vn-atlantis"]}, r"DA_NANG\.SKHCN names vn-atlantis, which is not there"),
        ({"indicators": ["VT.98"]}, r"DA_NANG\.SKHCN names VT\.98, which is not there"),
        ({"speaks_for": ["VT.03"]}, r"VT\.03"),
        ({"indicators": ["vn-da-nang"]}, "vn-da-nang"),
        ({"indicators": ["KX.90"]}, r"KX\.90"),  # another dataflow's
        ({"speaks_for": []}, "speaks_for"),
        ({"frequencies": []}, "frequencies"),
        (
            {"frequencies": ["Q", "M"]},
            r"more\.toml: obligation 1 of DA_NANG\.SKHCN: due has no rule for M",
        ),
        ({"frequencies": ["W"]}, "frequencies"),
        ({"frequencies": ["S"], "due": '{ S = "day 6" }'}, "TELECOM is not reported by S"),
        ({"due": '{ W = "day 6" }'}, r"DA_NANG\.SKHCN\.due\.W"),
        ({"due": "{ Q = 5 }"}, r"DA_NANG\.SKHCN\.due\.Q"),
        (
            {"due": '{ Q = "soon" }'},
            r"more\.toml: obligation 1 of DA_NANG\.SKHCN\.due\.Q: 'soon' is no due rule; .*day 15",
        ),
        ({"when_closed": "before"}, r"DA_NANG\.SKHCN\.when_closed: .*'next' or 'same'"),
        ({"due_days": "{ Q = 5 }"}, r"DA_NANG\.SKHCN\.due_days: unknown key"),
        ({"deadline": 5}, "deadline: unknown key"),
        ({"valid_from": "2025-07-01", "valid_to": "2025-06-30"}, "valid_to|ends|before"),
    ],
)
def test_an_obligation_that_is_wrong_is_refused(
    home: Path, told: dict[str, object], words: str
) -> None:
    duty(home, **told)
    refused(home, words)


def test_an_obligation_file_that_does_not_read_is_named(home: Path) -> None:
    (home / "config" / "obligations" / "broken.toml").write_text("[[obligation", encoding="utf-8")
    refused(home, r"broken\.toml")
    (home / "config" / "obligations" / "broken.toml").write_text(
        "obligation = [1, {}]", encoding="utf-8"
    )
    refused(
        home,
        r"broken\.toml: obligation 1 of nobody: .*; obligation 2 of nobody\.dataflow: Field required",
    )


VOICES: dict[str, tuple[dict[str, object], bool]] = {
    "the same unit": ({"speaks_for": ["vn-nghe-an"]}, True),
    "a unit above it": ({"speaks_for": ["vn"]}, True),
    "another unit": ({"speaks_for": ["vn-ha-noi"]}, False),
    "another dataflow": ({"speaks_for": ["vn-nghe-an"], "dataflow": "OTHER"}, False),
    "the same unit before": ({"speaks_for": ["vn-nghe-an"], "valid_to": "2024-12-31"}, True),
    "one indicator of it": ({"speaks_for": ["vn-nghe-an"], "indicators": ["VT.03"]}, True),
    "a unit whose speaker has gone": (
        {"speaks_for": ["vn-quang-binh"], "valid_from": "2025-07-01"},
        False,
    ),
    "a unit on its speaker's last day": (
        {"speaks_for": ["vn-quang-binh"], "valid_from": "2025-06-30"},
        True,
    ),
}


@pytest.mark.parametrize("what", VOICES)
def test_two_who_speak_for_one_figure_on_one_day_are_refused(home: Path, what: str) -> None:
    told, clash = VOICES[what]
    flow = (
        (home / "config" / "dataflows" / "TELECOM.toml")
        .read_text(encoding="utf-8")
        .replace('"TELECOM"', '"OTHER"')
    )
    (home / "config" / "dataflows" / "OTHER.toml").write_text(flow, encoding="utf-8")
    with (home / "config" / "catalogue" / "indicators.csv").open("a", encoding="utf-8") as table:
        table.write("OT.1,OTHER,a,a,%,stock,sum,last,,,Q,+,any,S,,\n")
    duty(home, **told)
    if clash:
        refused(home, r"DA_NANG\.SKHCN and \S+ both speak for vn-\S+ in TELECOM on one day")
    else:
        assert "da_nang" in {duty.province for duty in configuration.load(home).obligations}


@pytest.mark.parametrize(
    ("one", "other", "clash"), [("VT.03", "VT.04", False), ("VT.03", "VT.03", True)]
)
def test_two_may_share_a_unit_where_they_share_no_indicator(
    home: Path, one: str, other: str, clash: bool
) -> None:
    duty(home, indicators=[one])
    duty(home, indicators=[other], provider="DA_NANG.SXD")
    if clash:
        refused(home, r"DA_NANG\.SKHCN and DA_NANG\.SXD both speak for vn-da-nang")
    else:
        configuration.load(home)


def test_one_provider_of_two_provinces_is_two_voices(home: Path) -> None:
    """A provider's id does not make two packages one sender."""
    duty(home)
    duty(home, province="hai_phong")
    refused(home, "both speak for vn-da-nang")


# Holidays


def test_the_shipped_days_off_are_read_and_a_home_may_do_without(home: Path) -> None:
    stated = configuration.load(home).announced
    assert (date(2026, 1, 2) in stated.holidays, date(2026, 1, 10) in stated.working) == (
        True,
        True,
    )
    (home / "config" / "holidays.csv").unlink()
    assert configuration.load(home).announced == NOTHING


def test_days_off_that_do_not_read_are_named(home: Path) -> None:
    with (home / "config" / "holidays.csv").open("a", encoding="utf-8") as file:
        file.write("2027-02-30,holiday,x,y\n")
    refused(home, r"holidays\.csv, line 4: day")
    (home / "config" / "holidays.csv").write_bytes(
        b"date,kind,what,legal_act\n2026-09-02,holiday,\xff,x\n"
    )
    refused(home, r"holidays\.csv cannot be read")


# Deliveries


def delivery(home: Path, text: str) -> None:
    (home / "config" / "deliveries" / "more.toml").write_text(text, encoding="utf-8")


def test_a_delivery_is_read(home: Path) -> None:
    delivery(
        home,
        '[[delivery]]\ndataflow = "TELECOM"\nrecipient = "G06"\nrecipient_name = "Bộ"\n'
        'sink = { kind = "rest", url = "https://x" }\nvalid_from = 2025-03-01\n',
    )
    [found] = configuration.load(home).deliveries
    assert (found.recipient, found.writer) == ("G06", {"kind": "json"})
    assert not found.valid.holds(found.valid.first.replace(day=1, month=2))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'dataflow = "POSTAL"\nrecipient = "G06"\nrecipient_name = "x"\nsink = {}',
            "names dataflow POSTAL",
        ),
        ('dataflow = "TELECOM"\nrecipient = "G06"\nsink = {}', "recipient_name"),
        (
            'dataflow = "TELECOM"\nrecipient = "G06"\nrecipient_name = "x"\nsink = {}\nto = 1',
            "to: unknown key",
        ),
    ],
)
def test_a_delivery_that_is_wrong_is_refused(home: Path, text: str, words: str) -> None:
    delivery(home, f"[[delivery]]\n{text}\n")
    refused(home, words)


def test_a_dataflow_goes_whole_to_one_recipient_on_a_date(home: Path) -> None:
    """What three ministries share is three dataflows (design section 13)."""
    one = '[[delivery]]\ndataflow = "TELECOM"\nrecipient = "{}"\nrecipient_name = "x"\nsink = {{ kind = "rest" }}\n'
    delivery(
        home,
        one.format("G06")
        + "valid_to = 2025-02-28\n"
        + one.format("G12")
        + "valid_from = 2025-03-01\n",
    )
    assert len(configuration.load(home).deliveries) == 2
    delivery(home, one.format("G06") + one.format("G12"))
    refused(home, "TELECOM")
