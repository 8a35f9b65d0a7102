"""Cuts texts where people see the end of a character: no emoji and no accent is cut in two.

What belongs together is that of UAX 29, or more: a cut comes a little early rather than wrong.
"""

import unicodedata

ZERO_WIDTH_JOINER = "\u200d"

_FIRST_COMBINING = "\u0300"
_EXTENDING = frozenset({"Mn", "Me", "Mc"})
_EXTENDING_LETTERS = "\u200c\u200d\u0e33\u0eb3\uff9e\uff9f"
"""Joiners, Thai and Lao AM, and the voice marks of half-width Katakana."""

_MODIFIERS = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_HANGUL_LEADING = (range(0x1100, 0x1160), range(0xA960, 0xA97D))
_HANGUL_FOLLOWING = (range(0x1160, 0x1200), range(0xD7B0, 0xD7FC))
_HANGUL_SYLLABLES = range(0xAC00, 0xD7A4)
_PREPENDED = (
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd"
    "\U000111c2\U000111c3\U0001193f\U00011941\U00011a84\U00011a85\U00011a86\U00011a87\U00011a88"
    "\U00011a89\U00011d46\u1cf5\u1cf6\U00011a3a"
)
"""Signs that stand before the character that they belong to."""

_VIRAMA = 9
"""The combining class of a sign that joins two consonants of an Indic script."""


def cut(text: str, most: int) -> str:
    """Give the beginning of a text of at most `most` code points, between two characters.

    Where a single character is longer than that, it is cut all the same.
    """
    if len(text) <= most:
        return text
    end = most
    while end > 0 and not _may_part(text, end):
        end -= 1
    return text[: end or most]


def _may_part(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if before < _FIRST_COMBINING and after < _FIRST_COMBINING:
        return (before, after) != ("\r", "\n")
    if _extends(after) or before == ZERO_WIDTH_JOINER or before in _PREPENDED:
        return False
    if _is_joined_by_virama(text, at):
        return False
    if ord(before) in _FLAG_LETTERS and ord(after) in _FLAG_LETTERS:
        return _flag_letters_before(text, at) % 2 == 0
    return not _is_one_syllable(before, after)


def _extends(char: str) -> bool:
    code = ord(char)
    return (
        unicodedata.category(char) in _EXTENDING
        or char in _EXTENDING_LETTERS
        or code in _MODIFIERS
        or code in _TAGS
    )


def _is_joined_by_virama(text: str, at: int) -> bool:
    while at > 0 and _extends(text[at - 1]):
        at -= 1
        if unicodedata.combining(text[at]) == _VIRAMA:
            return True
    return False


def _flag_letters_before(text: str, at: int) -> int:
    count = 0
    while count < at and ord(text[at - 1 - count]) in _FLAG_LETTERS:
        count += 1
    return count


def _is_one_syllable(before: str, after: str) -> bool:
    first, second = ord(before), ord(after)
    leads = any(first in span for span in _HANGUL_LEADING)
    follows = any(second in span for span in _HANGUL_FOLLOWING)
    if leads:
        return follows or second in _HANGUL_SYLLABLES or _leads_too(second)
    return follows and (first in _HANGUL_SYLLABLES or any(first in s for s in _HANGUL_FOLLOWING))


def _leads_too(code: int) -> bool:
    return any(code in span for span in _HANGUL_LEADING)
