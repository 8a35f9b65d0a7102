"""What counts as an id."""

import re

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_uuid(text: str) -> bool:
    """Tell whether a text has the form of our ids; no other text may reach a database as an id.

    A URL may bring anything: NUL, lone surrogates, a megabyte.
    """
    return _UUID.fullmatch(text) is not None
