"""Documentation/openapi.json is what the application emits; `make openapi` writes it."""

import json
from pathlib import Path

from source_tree import ROOT

from app import create_app
from services.settings.load import load_settings
from services.worker import life


def test_the_openapi_file_is_what_the_application_emits(tmp_path: Path) -> None:
    app = create_app(load_settings({"DATA_DIR": str(tmp_path)}))
    try:
        emitted = app.test_client().get("/api/openapi.json").json
    finally:
        life.end(app.extensions["charla"])

    kept = json.loads((ROOT / "Documentation" / "openapi.json").read_text())

    assert kept == emitted
