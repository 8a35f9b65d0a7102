"""Web pages, which proxies and captive portals send in place of an answer or of an error."""

import html
import re

_PAGE = re.compile(r"\s*<(?:!doctype|\?xml|html|head|body|h\d|title|p|div)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)


def text_of_page(text: str) -> str | None:
    """Give the title of a web page, or else what one reads on it; None for any other text."""
    if not _PAGE.match(text):
        return None
    title = _TITLE.search(text)
    said = title[1] if title else _UNSEEN.sub(" ", text)
    return html.unescape(" ".join(said.split()))
