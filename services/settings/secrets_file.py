"""Secrets that a development server makes for itself, once, in its data folder."""

import json
import os
import secrets
from pathlib import Path

from marshmallow import ValidationError

FILE_NAME = "secrets.json"
SECRET_BYTES = 48


def made_once(folder: Path, name: str) -> str:
    """Return the secret of this name from `folder`/secrets.json; the file is made where missing.

    Two servers that start at once get the same secret. Raises ValidationError where the file
    cannot be made or read, or holds something else.
    """
    path = folder / FILE_NAME
    try:
        if not path.exists():
            _make(path, {name: secrets.token_urlsafe(SECRET_BYTES)})
    except OSError as exc:
        raise ValidationError(f"{path} cannot be written: {exc.strerror}.") from exc
    try:
        value = json.loads(path.read_text(encoding="utf-8"))[name]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ValidationError(f"{path} cannot be read as a secrets file; delete it.") from exc
    if not isinstance(value, str) or not value:
        raise ValidationError(f"{path} holds no secret {name!r}; delete it.")
    return value


def _make(path: Path, content: dict[str, str]) -> None:
    # Written whole under another name, then linked: a reader never sees half a file, and of two
    # servers that start at once the first one's file stays.
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file)
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)
