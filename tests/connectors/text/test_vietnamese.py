"""Encodings from before Unicode, by themselves and as the csv reader reads them."""

import csv
import io
import random
import shutil
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.readers import csv as reading
from connectors.readers.csv import CsvReader
from connectors.text.vietnamese import check_vietnamese, decoded
from hub_core import PayloadPart, SourceChanged
from hub_core.mapping import fold

# The 134 letters, and their bytes as glibc (VISCII; TCVN3 with small letters for accented capitals)
# and the Vietnamese
# Unicode project (VPS) have them.
LETTERS = (
    "ÀÁÂÃÈÉÊÌÍÒÓÔÕÙÚÝàáâãèéêìíòóôõùúýĂăĐđĨĩŨũƠơƯưẠạẢảẤấẦầẨẩẪẫẬậẮắẰằẲẳẴẵẶặẸẹẺẻẼẽẾếỀềỂểỄễỆệỈỉỊị"
    "ỌọỎỏỐốỒồỔổỖỗỘộỚớỜờỞởỠỡỢợỤụỦủỨứỪừỬửỮữỰựỲỳỴỵỶỷỸỹ"
)
BYTES = {
    "tcvn3": "b5b8a2b7ccd0a3d7dddfe3a4e2eff3fdb5b8a9b7ccd0aad7dddfe3abe2eff3fda1a8a7aedcdcf2f2a5aca6adb9b9b6b6cacac7c7"
    "c8c8c9c9cbcbbebebbbbbcbcbdbdc6c6d1d1cececfcfd5d5d2d2d3d3d4d4d6d6d8d8dedee4e4e1e1e8e8e5e5e6e6e7e7e9e9ededeaeaebeb"
    "ececeeeef4f4f1f1f8f8f5f5f6f6f7f7f9f9fafafefefbfbfcfc",
    "viscii": "c0c1c2c3c8c9cacccdd2d3d4a0d9dadde0e1e2e3e8e9eaecedf2f3f4f5f9fafdc5e5d0f0ceee9dfbb4bdbfdf80d5c4e484a485a5"
    "86a606e787a781a182a202c605c783a389a9cbeb88a88aaa8bab8cac8dad8eae9bef98b89af799f68faf90b091b192b293b595be96b697b7"
    "b3de94fe9ef89cfcbad1bbd7bcd8ffe6b9f19fcf1edc14d619db",
    "vps": "80c1c282d7c9cab5b4bcb9d4bea8dadde0e1e2e3e8e9eaecedf2f3f4f5f9fa9a88e6f1c7b8efacdbf7d6d0dc02e581e483c384c085"
    "c41cc503c68da18ea28fa3f0a404a505cbdec8feeb9089938a948b95cd068cb7cc10ce1186bdd596d397d298b0998712b69da79ea99faaa6ab"
    "13ae14f8d1fbadd9afd8b1ba1dbb15bfb2ff199cfd9bb3cf",
}
TABLES = {
    name: dict(zip(LETTERS, bytes.fromhex(codes), strict=True)) for name, codes in BYTES.items()
}
TONES = "\u0300\u0301\u0309\u0303\u0323"
VNI_SIGNS = dict(zip("đơưỉĩịỵìíĐƠƯỈĨỊỴÌÍ", "ñôöæóòîìíÑÔÖÆÓÒÎÌÍ", strict=True))
VNI_MARKS = {"": "øùûõï", "\u0302": "âàáåãä", "\u0306": "êèéúüë", "\u031b": "øùûõï"}

LEGACY = ("windows-1258", "tcvn3", "vni")
PLACES = [
    "Thanh Hóa",
    "Nghệ An",
    "Hà Tĩnh",
    "Quảng Bình",
    "Quảng Trị",
    "Huế",
    "Đà Nẵng",
    "Quảng Nam",
]
CATALOGUE = Path(__file__).parents[3] / "config" / "catalogue"


def bytewise(table: str) -> Callable[[str], bytes]:
    return lambda text: bytes(TABLES[table].get(c) or ord(c) for c in text)


def in_1258(text: str) -> bytes:
    """Each letter with its hat, and its tone behind it."""
    apart = unicodedata.normalize("NFD", text)
    for hat in "\u0302\u0306\u031b":
        apart = apart.replace(
            f"\u0323{hat}", f"{hat}\u0323"
        )  # a dot below comes before a hat above
    for letter in "aeouAEOU":
        for hat in "\u0302\u0306\u031b":
            apart = apart.replace(letter + hat, unicodedata.normalize("NFC", letter + hat))
    return apart.encode("cp1258")


def in_vni(text: str) -> bytes:
    return "".join(map(vni_letter, text)).encode("latin-1")


def vni_letter(letter: str) -> str:
    base, *marks = unicodedata.normalize("NFD", letter)
    tone = next((mark for mark in marks if mark in TONES), "")
    hat = next((mark for mark in marks if mark not in TONES), "")
    if letter in VNI_SIGNS or not marks:
        return VNI_SIGNS.get(letter, letter)
    signs = VNI_MARKS[hat]
    base = VNI_SIGNS[unicodedata.normalize("NFC", base + hat)] if hat == "\u031b" else base
    at = (TONES.index(tone) if tone else -1) + (len(signs) - 5)
    sign = signs[at] if at >= 0 else ""
    return base + (sign.upper() if letter.isupper() else sign)


WRITTEN: dict[str, Callable[[str], bytes]] = {
    "utf-8": str.encode,
    "utf-8 with BOM": lambda text: text.encode("utf-8-sig"),
    "utf-8 in NFD": lambda text: unicodedata.normalize("NFD", text).encode(),
    "utf-16": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "utf-16 BE with BOM": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "windows-1258": in_1258,
    "vni": in_vni,
    **{name: bytewise(name) for name in TABLES},
}
DECLARED = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", *LEGACY)
RIGHT = {
    *((name, name) for name in DECLARED),
    ("utf-8 with BOM", "utf-8"),
    ("utf-8 in NFD", "utf-8"),
    ("utf-16 BE with BOM", "utf-16"),
    ("utf-16", "utf-16-le"),
    ("utf-16 BE with BOM", "utf-16-be"),
}


def column(name: str, of: str) -> list[str]:
    with (CATALOGUE / name).open(encoding="utf-8", newline="") as lines:
        return [row[of] for row in csv.DictReader(lines)]


NAMES = column("org_unit_names.csv", "name")
INDICATORS = column("indicators.csv", "name_vi")


def table(*rows: list[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()


SAMPLES = {
    "large": table(
        ["Tên đơn vị", "Chỉ tiêu", "Giá trị", "Trạng thái"],
        *(
            [name, INDICATORS[k % len(INDICATORS)], f"{k}.505,5", "P"]
            for k, name in enumerate(NAMES)
        ),
    ),
    "small": table(
        ["Tên đơn vị", "Kỳ", "Giá trị"], *([name, "2026-Q3", "VT.03"] for name in PLACES)
    ),
    "headings in ASCII": table(
        ["don_vi", "ky", "gia_tri"], *([name, "2026-Q3", "15"] for name in PLACES)
    ),
    "capitals": table(
        ["TÊN ĐƠN VỊ", "KỲ", "GIÁ TRỊ"], *([name.upper(), "2026-Q3", "15"] for name in PLACES)
    ),
}


def part(content: bytes) -> PayloadPart:
    return PayloadPart(content, "text/csv", "/bao-cao/payload.csv", "payload.csv")


def read(content: bytes, encoding: str) -> pl.DataFrame:
    return pl.concat(CsvReader(CsvReader.Settings(encoding=encoding)).read(part(content)))


def refused(content: bytes, encoding: str) -> str:
    with pytest.raises(SourceChanged) as error:
        read(content, encoding)
    assert error.value.place["part"] == "payload.csv"
    return str(error.value)


def folded(frame: pl.DataFrame) -> tuple[list[str], list[list[str | None]]]:
    cells = [
        [cell if isinstance(cell, int) or cell is None else fold(cell) for cell in row]
        for row in frame.rows()
    ]
    return [fold(name) for name in frame.columns], cells


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize(("written", "declared"), sorted(RIGHT))
def test_the_same_table_is_read_from_every_encoding(
    written: str, declared: str, sample: str
) -> None:
    frame = read(WRITTEN[written](SAMPLES[sample]), declared)
    assert folded(frame) == folded(read(SAMPLES[sample].encode(), "utf-8"))
    if not written.startswith("utf-8") and written != "tcvn3":
        assert frame.equals(read(SAMPLES[sample].encode(), "utf-8"))


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize(
    ("written", "declared"), sorted({(w, d) for w in WRITTEN for d in DECLARED} - RIGHT)
)
def test_a_wrong_declaration_is_refused(written: str, declared: str, sample: str) -> None:
    assert "encoding" in refused(WRITTEN[written](SAMPLES[sample]), declared)


@pytest.mark.parametrize("declared", LEGACY)
@pytest.mark.parametrize("written", ["utf-8", "windows-1258", "tcvn3", "vni", "viscii", "vps"])
def test_eight_names_by_chance_are_read_rightly_or_refused(written: str, declared: str) -> None:
    chance = random.Random(f"{written} {declared}")
    for k in range(200):
        text = "\n".join(["don_vi", *chance.sample(NAMES if k % 2 else INDICATORS, 8)]).replace(
            ",", " "
        )
        try:
            frame = read(WRITTEN[written](text), declared)
        except SourceChanged:
            assert written != declared
        else:
            assert folded(frame) == folded(read(text.encode(), "utf-8"))


@pytest.mark.parametrize("encoding", LEGACY)
def test_plain_ascii_is_read_in_any_eight_bit_encoding(encoding: str) -> None:
    assert read(b"a,b\nVT.03,2026-Q3\nP,1\n", encoding).rows() == [
        ("VT.03", "2026-Q3", 0),
        ("P", "1", 1),
    ]


@pytest.mark.parametrize("encoding", DECLARED)
def test_a_cell_is_located_by_the_same_line_and_column_in_every_encoding(encoding: str) -> None:
    content = 'don_vi,ghi_chu\n\n"tỉnh\nNghệ An",có\nĐà Nẵng,không\n'
    located = CsvReader(CsvReader.Settings(encoding=encoding)).locate(
        part(WRITTEN[encoding](content)), 1, "don_vi"
    )
    assert located[0] == "payload.csv line 5 column don_vi"
    assert fold(located[1]) == fold("Đà Nẵng")


@pytest.mark.parametrize(
    ("content", "encoding", "says"),
    [
        (
            b"a\nNgh\xd6 An\nH\xe0 Nam\n",
            "tcvn3",
            "line 3 is not Vietnamese in tcvn3: 'à' cannot stand in 'Hà Nam'",
        ),
        (b"a\nx\x8d\n", "windows-1258", "line 2 is not Vietnamese in windows-1258"),
        (b"a\nb\xec\n", "windows-1258", "line 2 is not Vietnamese in windows-1258"),
        (b"a\nb\xf9\n", "vni", "line 2 is not Vietnamese in vni"),
        (b"a\nx\x02\n", "tcvn3", "line 2 is not Vietnamese in tcvn3"),
        (b"a\n\xb5\0\n", "tcvn3", "line 2 has a NUL byte"),
        ("a\nb\0\n".encode("utf-16"), "utf-16", "line 2 has a NUL byte"),
        (b"\xff\xfea\0\n\0\x00\xd8b\0", "utf-16", "line 2 is not UTF-16 at byte 6"),
        (b"\xff\xfea\0\n", "utf-16", "line 1 is not UTF-16 at byte 4"),
        (b"a\nb\n", "utf-16", "no UTF-16 byte order mark"),
        (b"\xff\xfea\0", "utf-16-be", "begins as utf-16-le"),
        ("Huế\n".encode(), "tcvn3", "the file is UTF-8"),
        (b"", "utf-16-le", "line 1 should be a header"),
    ],
)
def test_what_is_not_in_the_encoding_is_named_by_line(
    content: bytes, encoding: str, says: str
) -> None:
    assert says in refused(content, encoding)


def test_what_is_no_vietnamese_is_named_by_its_first_word() -> None:
    says = refused(in_vni("\n".join(["a", *PLACES])), "tcvn3")
    assert (
        "the file read in encoding tcvn3 is not Vietnamese: 9 of 10 words are odd, the first is 'Hoựa'"
        in says
    )


def test_only_utf8_is_read_without_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LIMIT", 10)
    assert read(b"a\n1234567890\n", "utf-8").height == 1
    for encoding in DECLARED[1:]:
        assert "the file has 13 bytes" in refused(b"a\n1234567890\n", encoding)


@pytest.mark.parametrize("encoding", LEGACY)
@given(
    text=st.text(
        st.sampled_from(LETTERS)
        | st.characters(min_codepoint=32, max_codepoint=126)
        | st.just("\n")
    )
)
def test_any_vietnamese_text_comes_back(encoding: str, text: str) -> None:
    back = decoded(WRITTEN[encoding](text).decode("latin-1"), encoding)
    if encoding != "tcvn3":
        assert back == text
    assert back.casefold() == text.casefold()
    assert unicodedata.is_normalized("NFC", back)


@pytest.mark.parametrize(
    ("text", "encoding", "gives"),
    [
        ("Céng hoµ x· héi chñ nghÜa ViÖt Nam", "tcvn3", "Cộng hoà xã hội chủ nghĩa Việt Nam"),
        ("§éc lËp - Tù do - H¹nh phóc", "tcvn3", "Độc lập - Tự do - Hạnh phúc"),
        ("Tæng Côc thèng kª n\xadíc", "tcvn3", "Tổng Cục thống kê nước"),
        ("Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam", "vni", "Cộng hòa xã hội chủ nghĩa Việt Nam"),
        ("ÑOÄC LAÄP - TÖÏ DO - HAÏNH PHUÙC", "vni", "ĐỘC LẬP - TỰ DO - HẠNH PHÚC"),
        (
            "Ñaø Naüng, cheát vì chi phí, thuûy saûn caû nöôùc, vaúng, tyû leä, ñòa chæ, lyù",
            "vni",
            None,
        ),
        (
            "QuaÒng BiÌnh, Ðãìk Lãìk, Hýng Yên, Ngh\xea\xf2 An",
            "windows-1258",
            "Quảng Bình, Đắk Lắk, Hưng Yên, Nghệ An",
        ),
        (
            "Th«n \u201c1\u201d \u2013 x· \x932\x94 \x96 25°C, 5 km²",
            "tcvn3",
            "Thôn “1” – xã “2” – 25°C, 5 km²",
        ),
        ("\x8010 \u20ac10", "vni", "€10 €10"),
    ],
)
def test_known_phrases(text: str, encoding: str, gives: str | None) -> None:
    gives = gives or "Đà Nẵng, chết vì chi phí, thủy sản cả nước, vẳng, tỷ lệ, địa chỉ, lý"
    assert decoded(text, encoding) == gives


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Nghệ An", "tcvn3"),  # a letter of Unicode is no letter of the font's
        ("thuª bao²", "tcvn3"),  # a footnote, or a tone of the standard
        ("H\x80 Giang", "tcvn3"),  # a capital of VN1, which the fonts do not have
        ("x\ufffdn", "vni"),
        ("Pho\u0301", "vni"),
    ],
)
def test_a_letter_that_is_none_of_the_encoding_is_refused(text: str, encoding: str) -> None:
    with pytest.raises(ValueError, match=f"not Vietnamese in {encoding}: .* cannot stand in"):
        decoded(text, encoding)


def test_an_encoding_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody knows an encoding viscii"):
        decoded("à", "viscii")


@pytest.mark.parametrize(
    ("encoding", "name"), [("tcvn3", "TCVN5712-1"), ("windows-1258", "CP1258")]
)
@pytest.mark.skipif(shutil.which("iconv") is None, reason="needs iconv")
def test_every_byte_is_what_iconv_says_or_refused(encoding: str, name: str) -> None:
    known = 0
    for byte in range(0xA1, 0x100):
        command = ["iconv", "-f", name, "-t", "UTF-8"]
        theirs = subprocess.run(
            command, input=bytes([byte]), capture_output=True, check=True
        ).stdout.decode()
        try:
            ours = decoded(chr(byte), encoding)
        except ValueError:
            assert (
                encoding == "windows-1258" or theirs.isupper()
            )  # capitals that the fonts do not have
            assert encoding == "tcvn3" or theirs in TONES
            continue
        assert ours == theirs or (encoding == "tcvn3" and ours in "°±²³´")
        known += ours.isalpha()
    assert known == {"tcvn3": 74, "windows-1258": 59}[encoding]


@pytest.mark.parametrize("byte", [b"\t", b"\r", b"\n", b" ", b"~"])
@pytest.mark.parametrize("encoding", LEGACY)
def test_tab_and_line_ends_stay_what_they_are(encoding: str, byte: bytes) -> None:
    assert decoded(byte.decode(), encoding) == byte.decode()


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["VT.03", "2026-Q3", "P", "1.505,5", "TTĐT", "Đ"],
        [
            "25°C",
            "5 km²",
            "10 ± 2",
            "12 m³/ngày",
            "100 nghìn₫",
            "từ 5÷10",
            "“Nghệ An” – ‘Huế’…",
            "đ",
            "§ 2",
        ],
        [
            "Thủy",
            "thuỷ",
            "Hoà",
            "hòa",
            "hòan thành",
            "Quý",
            "quốc gia",
            "giếng",
            "gìn giữ",
            "gì",
            "nghiêng",
        ],
        [
            "Ia Khươl",
            "Chư Prông",
            "Đăk Pơ",
            "Kông Bơ La",
            "Đắk Lắk",
            "Cư M’gar",
            "Krông Búk",
            "Bắc Kạn",
            "Chư Păh",
        ],
        [*NAMES, *INDICATORS, "Müller"],
        [unicodedata.normalize("NFD", name) for name in NAMES],
        [name.upper() for name in NAMES],
        ["NGHệ AN", "THừA THIÊN HUế", "ĐồNG NAI"],  # a .VnTimeH heading
    ],
)
def test_what_is_vietnamese_or_says_nothing_passes(texts: list[str]) -> None:
    check_vietnamese(texts)


@pytest.mark.parametrize(
    "texts",
    [
        ["Ngh® An"],
        ["Teõn"],
        ["慮敭"],
        ["nƠng"],
        ["Huê‰"],
        ["viêt"],
        ["kủa", "cể"],
        ["Tỉn Giang", "B÷n"],
    ],
)
def test_what_is_no_vietnamese_is_refused(texts: list[str]) -> None:
    with pytest.raises(ValueError, match=r"not Vietnamese: . of . words are odd, the first is"):
        check_vietnamese(texts)
