"""The embedded application with some of its services replaced."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask

from app import serve
from services.bootstrap.worker import build_services
from services.settings.load import load_settings
from services.worker import life
from services.worker.services import Services

JWT_SECRET = "qH7rT2mVx9LpKc4ZsW8eYbNfJd3GuAaR"

Parts = Callable[[Services], dict[str, Any]]


@contextmanager
def app_with(parts: Parts, folder: Path, **environ: str) -> Iterator[Flask]:
    """Run an application with settings of its own; `parts` makes the services to replace."""
    settings = {
        "DATA_DIR": str(folder),
        "JWT_SECRET_KEY": JWT_SECRET,
        "PASSWORD_HASH_MEMORY_KIB": "1024",
        "LOG_LEVEL": "error",
        **environ,
    }
    embedded = build_services(load_settings(settings))
    services = replace(embedded, **parts(embedded))
    try:
        app = serve(services)
        life.start(services)
        yield app
    finally:
        life.end(services)
