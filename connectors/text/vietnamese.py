"""Vietnamese from before Unicode.

Texts in TCVN3, VNI or windows-1258, as declared, and whether they are Vietnamese.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

# TCVN 5712:1993 VN3, the "ABC" fonts (.VnTime and kin). It has no accented capitals: a .VnTimeH
# font draws the small
# letters as capitals, so they come back small.
_TCVN3 = {
    0xA1: "ĂÂÊÔƠƯĐăâêôơưđ",
    0xB5: "àảãáạ",
    0xBB: "ằẳẵắ",
    0xC6: "ặầẩẫấậè",
    0xCE: "ẻẽéẹềểễếệìỉ",
    0xDC: "ĩíịò",
    0xE1: "ỏõóọồổỗốộờởỡớợù",
    0xF1: "ủũúụừửữứựỳỷỹýỵ",
}
# VNI-Windows (VNI-Times and kin): a vowel, then a mark for its hat, its tone or both; nine letters
# are one sign.
_VNI_LETTERS = dict(zip("ñôöæóòîìí", "đơưỉĩịỵìí", strict=True))
_VNI_MARKS = {
    "": "\0øùûõï",
    "\u0302": "âàáåãä",
    "\u0306": "êèéúüë",
}  # no hat or one, then with each tone
_TONES = "\u0300\u0301\u0309\u0303\u0323"

_ALPHABET = frozenset("".join(_TCVN3.values()) + "".join(_TCVN3.values()).upper())
_PLAIN = frozenset(map(chr, range(0x20, 0x7F))) | {"\t", "\n", "\r"}
_WINDOWS = {
    byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0x100)
}
_TCVN3_SIGNS = (
    "\xa0°±²³´…‘’“”•–—"  # elsewhere the standard has capitals, which the fonts do not have
)
_SIGN_OR_TONE = re.compile(
    "[aeiouyăâêôơư][°±²³´]", re.IGNORECASE
)  # in the standard these are tones

_ABBREVIATING = frozenset("BCDĐGHKLMNPQRSTVX")  # TTĐT, ĐTDĐ
_NAMES = {"kạn", "kông", "đ"}
# A word with the signs before, in and behind it where no right reading has them; °C, m² and nghìn₫
# are sound.
_SIGNS = "¡¢£¤¥¦§¨©¬®¯´¶·¸¹¼½¾¿×÷†‡‰˜™€"
_LETTERS = r"[^\W\d_¹²³¼½¾]+"
_WORD = re.compile(rf"[{_SIGNS}]*{_LETTERS}(?:[{_SIGNS}°±²³«»“”„‚‹›•…₫]+{_LETTERS})*[{_SIGNS}°±]*")
_CAPITALS = "".join(sorted(letter for letter in _ALPHABET if letter.isupper()))
_CAPITAL_INSIDE = re.compile(f"[a-z][{_CAPITALS}]|.[{_CAPITALS}][a-z]")
_ONSETS = """
b c ch d đ g gh gi h k kh l m n ng ngh nh p ph qu r s t th tr v x
br dr gr hl hr kr pl pr sr
"""  # the second line, and rhymes on h and k, in highland names
_RHYMES = """
a ac ach ai ak am an ang anh ao ap at au ay ăc ăh ăk ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây
e ec em en eng eo ep et ê êch êm ên ênh êp êt êu
i ia ich iêc iêm iên iêng iêp iêt iêu im in inh ip it iu
o oa oac oach oai oam oan oang oanh oao oap oat oay oăc oăm oăn oăng oăt oc oe oen oeo oet oi om on ong oong op ot
ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơk ơm ơn ơp ơt
u ua uân uâng uât uây uc uê uêch uênh ui uk um un ung uôc uôi uôm uôn uông uôt uơ up ut uy uya uych uyên uyêt uynh uyt
ư ưa ưc ưh ưi ưn ưng ưt ưu ươc ươi ươm ươn ương ươp ươt ươu
y ych yêm yên yêng yêt yêu ynh yt
"""


def decoded(text: str, encoding: str) -> str:
    """The text, in NFC, for which a text of legacy code points stands: Latin-1, or cp1252 for 0x80 to 0x9f.

    The encoding is tcvn3, vni or windows-1258. Raises ValueError where a letter or control
    character is none of the encoding; that what comes out is Vietnamese is asked of all texts
    together, by ``check_vietnamese``.
    """
    if text.isascii() and text.isprintable():
        return text
    table = _table(encoding)
    for sign in set(text) - _PLAIN:
        eight_bit = sign < "\u0100" or sign in _WINDOWS.values()
        if ord(sign) not in table and (
            eight_bit or sign == "\ufffd" or unicodedata.category(sign)[0] in "LMC"
        ):
            raise _unreadable(encoding, text, text.index(sign))
    plain = unicodedata.normalize("NFC", text.translate(table))
    for sign in set(plain) - _PLAIN - _ALPHABET:
        if (sign.isalpha() and encoding != "windows-1258") or unicodedata.combining(sign):
            raise _unreadable(encoding, plain, plain.index(sign))
    if encoding == "tcvn3" and (either := _SIGN_OR_TONE.search(plain)):
        raise _unreadable(encoding, plain, either.end() - 1)
    return plain


def check_vietnamese(texts: Iterable[str]) -> None:
    """Raises ValueError where the texts, taken together, are no Vietnamese; plain ASCII says nothing.

    Of the different words with a letter or sign above ASCII one in five may be spelt as no
    Vietnamese syllable (names, foreign words, slips), and one in twenty may hold what no Vietnamese
    word holds.
    """
    found: dict[str, None] = {}
    for text in texts:
        if not text.isascii():
            found |= dict.fromkeys(_WORD.findall(unicodedata.normalize("NFC", text)))
    words = [word for word in found if not word.isascii() and not set(word) <= _ABBREVIATING]
    odd = [word for word in words if not _is_syllable(word)]
    strange = [word for word in odd if _is_strange(word)]
    for some, share in ((strange, 20), (odd, 5)):
        if len(some) * share > len(words):
            raise ValueError(
                f"not Vietnamese: {len(some)} of {len(words)} words are odd, the first is {some[0]!r}"
            )


def _is_strange(word: str) -> bool:
    """Whether a word has a letter or sign that no Vietnamese word has, or an accented capital among small letters."""
    known = all(letter.isascii() or letter in _ALPHABET for letter in word)
    return not known or bool(_CAPITAL_INSIDE.search(word))


def _is_syllable(word: str) -> bool:
    """Whether a word is spelt as a Vietnamese syllable, its tone on the right vowel."""
    small = word.lower()
    spelt = small in _NAMES or any(_fit(small[:k], small[k:]) for k in range(4))
    return spelt and not _is_strange(word)


def _fit(onset: str, rhyme: str) -> bool:
    """Whether onset and rhyme are spelt so together.

    C, g and ng are k, gh and ngh before e, ê, i and y.
    """
    plain = _rhymes().get(rhyme)
    if plain is None or (onset and onset not in _ONSETS.split()):
        return False
    if onset == "qu":
        return plain[0] not in "oôuư" or plain == "ôc"
    if onset and plain[0] == "y":
        return plain == "y" and onset not in {"c", "g", "ng"}
    if plain[0] in "eêi":
        return onset not in {"c", "ng"} and (onset != "g" or plain[0] == "i")
    return onset not in {"k", "gh", "ngh"} or plain[-1] == "k"


@cache
def _rhymes() -> dict[str, str]:
    """The rhymes with each tone where it may stand, to the rhyme without a tone."""
    found = {}
    for rhyme in _RHYMES.split():
        stopped = rhyme.endswith(("c", "ch", "p", "t"))
        for at in _toned(rhyme):
            for tone in "\u0301\u0323" if stopped else ["", *_TONES]:
                found[unicodedata.normalize("NFC", rhyme[: at + 1] + tone + rhyme[at + 1 :])] = (
                    rhyme
                )
    return found


def _toned(rhyme: str) -> range:
    """The vowels of a rhyme on which its tone may stand.

    Hoà and hòa, hoàn and, as many type it, hòan.
    """
    vowels = len(rhyme.rstrip("cghkmnpt"))
    hats = [k for k, letter in enumerate(rhyme) if letter in "ăâêôơư"]
    if hats:
        return range(hats[-1], hats[-1] + 1)
    if rhyme.startswith(("oa", "oe", "uy")):
        return range(2)
    return range(vowels - 1, vowels) if vowels < len(rhyme) else range(1)


@cache
def _table(encoding: str) -> dict[int, str]:
    """What each sign above ASCII stands for, by its Latin-1 and its cp1252 code point."""
    stands: dict[int, str] = {}
    if encoding == "windows-1258":
        stands = {byte: bytes([byte]).decode("cp1258", "ignore") for byte in _WINDOWS}
    elif encoding == "tcvn3":
        stands = {byte: sign for byte, sign in _WINDOWS.items() if sign in _TCVN3_SIGNS}
        stands |= {
            first + k: letter
            for first, letters in _TCVN3.items()
            for k, letter in enumerate(letters)
        }
    elif encoding == "vni":
        stands = {
            byte: sign
            for byte, sign in _WINDOWS.items()
            if sign.isprintable() and not sign.isalpha()
        }
        for sign, letter in _VNI_LETTERS.items():
            stands |= {ord(sign): letter, ord(sign.upper()): letter.upper()}
        for hat, marks in _VNI_MARKS.items():
            for mark, tone in zip(marks, ["", *_TONES], strict=True):
                stands |= dict.fromkeys((ord(mark), ord(mark.upper())), hat + tone)
    else:
        raise ValueError(f"nobody knows an encoding {encoding}")
    windows = {ord(sign): stands.get(byte, "") for byte, sign in _WINDOWS.items()}
    return {sign: text for sign, text in (stands | windows).items() if text}


def _unreadable(encoding: str, text: str, at: int) -> ValueError:
    start = max(text.rfind("\n", 0, at) + 1, at - 20)
    around = text[start : at + 20].split("\n", maxsplit=1)[0].strip()
    return ValueError(f"not Vietnamese in {encoding}: {text[at]!r} cannot stand in {around!r}")
