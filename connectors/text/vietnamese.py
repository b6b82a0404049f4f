"""Vietnamese from before Unicode: decoding, and a check that the texts are Vietnamese.

The encodings are TCVN3, VNI and windows-1258, as declared.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

# TCVN 5712:1993 VN3, the "ABC" fonts (.VnTime and kin). It has no accented capitals: a .VnTimeH
# font draws the small letters as capitals, so they come back small.
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
# no hat or one, then with each tone
_VNI_MARKS = {"": "\0øùûõï", "\u0302": "âàáåãä", "\u0306": "êèéúüë"}
_TONES = "\u0300\u0301\u0309\u0303\u0323"

_ALPHABET = frozenset("".join(_TCVN3.values()) + "".join(_TCVN3.values()).upper())
_PLAIN = frozenset(map(chr, range(0x20, 0x7F))) | {"\t", "\n", "\r"}
_WINDOWS = {
    byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0x100)
}
# elsewhere the standard has capitals, which the fonts do not have
_TCVN3_SIGNS = "\xa0°±²³´…‘’“”•–—"
# in the standard these are tones
_SIGN_OR_TONE = re.compile("[aeiouyăâêôơư][°±²³´]", re.IGNORECASE)

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
    """Decode a text of legacy code points (Latin-1, or cp1252 for 0x80 to 0x9f); return it in NFC.

    The encoding is tcvn3, vni or windows-1258. Raises ValueError where a letter or control
    character does not belong to the encoding. Whether the result is Vietnamese is judged of all
    texts together, by ``check_vietnamese``.
    """
    if text.isascii() and text.isprintable():
        return text
    meanings = _text_by_sign(encoding)
    for sign in set(text) - _PLAIN:
        eight_bit = sign < "\u0100" or sign in _WINDOWS.values()
        if ord(sign) not in meanings and (
            eight_bit or sign == "\ufffd" or unicodedata.category(sign)[0] in "LMC"
        ):
            raise _unreadable(encoding, text, text.index(sign))
    plain = unicodedata.normalize("NFC", text.translate(meanings))
    for sign in set(plain) - _PLAIN - _ALPHABET:
        if (sign.isalpha() and encoding != "windows-1258") or unicodedata.combining(sign):
            raise _unreadable(encoding, plain, plain.index(sign))
    if encoding == "tcvn3" and (ambiguous := _SIGN_OR_TONE.search(plain)):
        raise _unreadable(encoding, plain, ambiguous.end() - 1)
    return plain


def check_vietnamese(texts: Iterable[str]) -> None:
    """Raise ValueError where the texts, taken together, are not Vietnamese.

    Plain ASCII is no evidence either way. Of the different words with a letter or sign above ASCII
    one in five may be spelt as no Vietnamese syllable (names, foreign words, slips), and one in
    twenty may hold what no Vietnamese word holds.
    """
    distinct_words: dict[str, None] = {}
    for text in texts:
        if not text.isascii():
            distinct_words |= dict.fromkeys(_WORD.findall(unicodedata.normalize("NFC", text)))
    words = [
        word for word in distinct_words if not word.isascii() and not set(word) <= _ABBREVIATING
    ]
    misspelt = [word for word in words if not _is_syllable(word)]
    impossible = [word for word in misspelt if _is_impossible(word)]
    for bad_words, one_in in ((impossible, 20), (misspelt, 5)):
        if len(bad_words) * one_in > len(words):
            raise ValueError(
                f"not Vietnamese: {len(bad_words)} of {len(words)} words are odd, the first is {bad_words[0]!r}"
            )


def _is_impossible(word: str) -> bool:
    """Tell whether a word has what no Vietnamese word has.

    That is another letter or sign, or an accented capital among small letters.
    """
    is_in_alphabet = all(letter.isascii() or letter in _ALPHABET for letter in word)
    return not is_in_alphabet or bool(_CAPITAL_INSIDE.search(word))


def _is_syllable(word: str) -> bool:
    """Tell whether a word is spelt as a Vietnamese syllable, its tone on the right vowel."""
    lowered = word.lower()
    is_spelt = lowered in _NAMES or any(_fits(lowered[:k], lowered[k:]) for k in range(4))
    return is_spelt and not _is_impossible(word)


def _fits(onset: str, rhyme: str) -> bool:
    """Tell whether an onset and a rhyme make a syllable by the rules of spelling.

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
    """Return each rhyme with each tone where it may stand, mapped to the rhyme without a tone."""
    toneless_by_toned = {}
    for rhyme in _RHYMES.split():
        is_stopped = rhyme.endswith(("c", "ch", "p", "t"))
        for position in _tone_positions(rhyme):
            start, end = rhyme[: position + 1], rhyme[position + 1 :]
            for tone in "\u0301\u0323" if is_stopped else ["", *_TONES]:
                toneless_by_toned[unicodedata.normalize("NFC", start + tone + end)] = rhyme
    return toneless_by_toned


def _tone_positions(rhyme: str) -> range:
    """Return the positions of the vowels of a rhyme that may carry its tone.

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
def _text_by_sign(encoding: str) -> dict[int, str]:
    """Return the text that each sign above ASCII means, by its code point.

    A sign has its Latin-1 and its cp1252 code point.
    """
    text_by_byte: dict[int, str] = {}
    if encoding == "windows-1258":
        text_by_byte = {byte: bytes([byte]).decode("cp1258", "ignore") for byte in _WINDOWS}
    elif encoding == "tcvn3":
        text_by_byte = {byte: sign for byte, sign in _WINDOWS.items() if sign in _TCVN3_SIGNS}
        text_by_byte |= {
            first + k: letter
            for first, letters in _TCVN3.items()
            for k, letter in enumerate(letters)
        }
    elif encoding == "vni":
        text_by_byte = {
            byte: sign
            for byte, sign in _WINDOWS.items()
            if sign.isprintable() and not sign.isalpha()
        }
        for sign, letter in _VNI_LETTERS.items():
            text_by_byte |= {ord(sign): letter, ord(sign.upper()): letter.upper()}
        for hat, marks in _VNI_MARKS.items():
            for mark, tone in zip(marks, ["", *_TONES], strict=True):
                text_by_byte |= dict.fromkeys((ord(mark), ord(mark.upper())), hat + tone)
    else:
        raise ValueError(f"nobody knows an encoding {encoding}")
    windows = {ord(sign): text_by_byte.get(byte, "") for byte, sign in _WINDOWS.items()}
    return {sign: text for sign, text in (text_by_byte | windows).items() if text}


def _unreadable(encoding: str, text: str, position: int) -> ValueError:
    start = max(text.rfind("\n", 0, position) + 1, position - 20)
    excerpt = text[start : position + 20].split("\n", maxsplit=1)[0].strip()
    return ValueError(
        f"not Vietnamese in {encoding}: {text[position]!r} cannot stand in {excerpt!r}"
    )
