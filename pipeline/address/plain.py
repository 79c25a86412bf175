"""Text as the post reads it: capitals without accents or punctuation, as a list of words.

What stays: hyphens and slashes inside a word (12-34, 1/2, C/O), points between digits (39.2), `&`, and `#` as a word of its own.
Letters that no Latin letter stands for stay as they are, so that whoever looks at the result can tell (`str.isascii`).
"""

import re
import unicodedata
from functools import lru_cache

# Most lines have nothing but letters, digits and spaces.
_MARKED = re.compile(r"[^A-Za-z0-9 ]").search
_APOSTROPHES = "'`"
_SPACES = ',;:"()[]{}<>@_*+=!?~^|\\%$' + "".join(map(chr, range(32))) + "\x7f"
_PUNCTUATION = str.maketrans(_SPACES, " " * len(_SPACES), _APOSTROPHES)
_POINT_INSIDE = re.compile(r"\.\w").search
# ST.LOUIS is two words, P.O. is one.
_POINT_BETWEEN_WORDS = re.compile(r"(?<=[A-Z]{2})\.(?=\w)")
_POINT = re.compile(r"(?<![0-9])\.|\.(?![0-9])")
_LOOSE = re.compile(r"(?<![^\W_])[-/]+|[-/]+(?![^\W_])")
# Letters that Unicode does not take apart, and marks that stand for ones on a keyboard.
_LATIN = {
    "Æ": "AE", "æ": "AE", "Œ": "OE", "œ": "OE", "Ø": "O", "ø": "O", "Ð": "D", "ð": "D", "Đ": "D", "đ": "D", "Þ": "TH", "þ": "TH",
    "Ł": "L", "ł": "L", "Ħ": "H", "ħ": "H", "ı": "I", "ĸ": "K", "Ŋ": "N", "ŋ": "N", "Ŧ": "T", "ŧ": "T", "ß": "SS", "ẞ": "SS",
    "‘": "'", "’": "'", "‚": "'", "ʻ": "'", "ʼ": "'", "ʹ": "'", "′": "'", "´": "'",
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": " ", "−": "-",
    "⁄": "/", "№": "#",
}  # fmt: skip


def words(text: str) -> list[str]:
    """The words of a line. Reading what was read before changes nothing."""
    if not _MARKED(text):
        return text.upper().split()
    text = text.upper() if text.isascii() else "".join(map(_fold, text))
    if "." in text:
        inside = _POINT_INSIDE(text)
        text = _POINT.sub("", _POINT_BETWEEN_WORDS.sub(" ", text)) if inside else text.replace(".", "")
    text = text.translate(_PUNCTUATION)
    if "#" in text:
        text = text.replace("#", " # ")
    if "-" in text or "/" in text:
        text = _LOOSE.sub(" ", text)
    return text.split()


@lru_cache(maxsize=4096)
def _fold(char: str) -> str:
    if char.isascii():
        return char.upper()
    if char in _LATIN:
        return _LATIN[char]
    parts = unicodedata.normalize("NFKD", char)
    folded = "".join(_LATIN.get(part, part) for part in parts if not unicodedata.category(part).startswith("M"))
    if folded.isascii():
        # 12½ is 12 1/2.
        return (" " if "/" in folded and len(parts) > 1 and parts[0].isdigit() else "") + folded.upper()
    kind = unicodedata.category(char)
    if kind[0] in "LN":
        return char
    return "" if kind == "Cf" else " "
