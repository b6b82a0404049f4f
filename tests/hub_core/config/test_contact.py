"""Whom to ask about a package: a name, an e-mail address and a telephone number."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub_core.config.province import read
from hub_core.errors import HubError

REST = '[[providers]]\nid = "HUE.SKHCN"\nname = "Sở"\n'


def declared(folder: Path, contact: str) -> Path:
    text = f'id = "hue"\nname = "Huế"\ncontact = {contact}\n{REST}'
    (folder / "province.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_contact_is_a_name_an_address_and_a_number(tmp_path: Path) -> None:
    whole = '{ name = "Phòng", email = "phong@hue.example", telephone = "+84 234 000 0000" }'
    contact = read(declared(tmp_path, whole)).contact
    assert (contact.name, contact.email, contact.bare) == ("Phòng", "phong@hue.example", False)
    assert str(contact) == "Phòng, phong@hue.example, +84 234 000 0000"


def test_a_bare_text_of_before_is_read_as_a_name(tmp_path: Path) -> None:
    contact = read(declared(tmp_path, '"Phòng Bưu chính"')).contact
    assert (str(contact), contact.bare) == ("Phòng Bưu chính", True)


@pytest.mark.parametrize(
    "contact",
    [
        '{ name = "Phòng" }',
        '{ name = "Phòng", email = "phong@hue.example" }',
        '{ name = "", email = "a@b", telephone = "0234 000 000" }',
        '{ name = "Phòng", email = "phong", telephone = "0234 000 000" }',
        '{ name = "Phòng", email = "a@b", telephone = "gọi tổng đài" }',
        '{ name = "Phòng", email = "a@b", telephone = "0234 000 000", fax = "1" }',
        "17",
    ],
)
def test_half_a_contact_is_refused_by_its_key(tmp_path: Path, contact: str) -> None:
    with pytest.raises(HubError, match=r"province\.toml: contact"):
        read(declared(tmp_path, contact))
