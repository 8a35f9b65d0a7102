"""The words that titles and messages are searched for.

The full-text index splits at every character that is not a letter or a digit, and ignores case and
accents. This module does the same, so that the same words find a title and a message. To the index,
a text in a script without spaces is one long word, found by its beginning.
"""

import unicodedata

MAX_WORDS = 32
"""More words do not narrow a search; FTS5 takes 256 terms at most."""


def words_of(query: str) -> list[str]:
    """Give the words of a query, each once; none if it holds only punctuation."""
    spaced = "".join(char if _is_word_part(char) else " " for char in query)
    return list(dict.fromkeys(spaced.split()))[:MAX_WORDS]


def fold(text: str) -> str:
    """Remove case and accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))


def match_expression(user_id: str, words: list[str]) -> str:
    """Ask the index for one user's messages that hold a word beginning with each of these.

    The words are quoted: AND, OR, NOT and NEAR are words like any other.
    """
    terms = " AND ".join(f'"{word}" *' for word in words)
    return f'owner : "{user_id.replace("-", "")}" AND content : ({terms})'


def _is_word_part(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LNM" or category == "Co"
