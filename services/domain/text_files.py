"""The text of a file that people write: editors and shells choose its encoding for them."""

import codecs

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class NotText(ValueError):
    """The bytes cannot be read as text; `line` is where that shows, 0 if everywhere."""

    def __init__(self, line: int, reason: str) -> None:
        """Keep the place beside the sentence."""
        super().__init__(reason)
        self.line = line


def text_of(content: bytes) -> str:
    """Read UTF-8, or what Windows makes of it: with a mark ahead, or UTF-16. Raises NotText."""
    try:
        if content.startswith(_UTF_16):
            text = content.decode("utf-16")
        else:
            text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        if content.startswith(_UTF_16):
            raise NotText(0, "It begins as UTF-16 does, and is none.") from exc
        line = content.count(b"\n", 0, exc.start) + 1
        raise NotText(line, "It is not UTF-8.") from exc
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise NotText(line, "It has a NUL character, as no text in UTF-8 has.")
    return text
