"""Words that titles and messages are searched for.

The full-text index splits at everything that is no letter or digit, and ignores case and accents.
What is done here follows it, so that a title and a message are found by the same words. Scripts
without spaces are one long word to it, found by its beginning.
"""

import unicodedata

MAX_WORDS = 32
"""More words narrow nothing down; FTS5 takes 256 terms at most."""


def words_of(query: str) -> list[str]:
    """Give the words of a query, each once; none where it holds only punctuation."""
    spaced = "".join(char if _is_word_part(char) else " " for char in query)
    return list(dict.fromkeys(spaced.split()))[:MAX_WORDS]


def fold(text: str) -> str:
    """Remove case and accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))


def match_expression(user_id: str, words: list[str]) -> str:
    """Ask the index for one user's messages that hold a word beginning with each of these.

    The words are quoted: AND, OR, NOT and NEAR are words like others.
    """
    terms = " AND ".join(f'"{word}" *' for word in words)
    return f'owner : "{user_id.replace("-", "")}" AND content : ({terms})'


def _is_word_part(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "LNM" or category == "Co"
