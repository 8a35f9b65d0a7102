"""Providers that are built for a test, and a local server that lists models."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from subjects.upstreams import Build
from wires.model_lists import ModelLists, model_lists


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Build]:
    """Give a way to build, which closes what it built."""
    with ExitStack() as ending:
        yield Build(tmp_path, ending)


@pytest.fixture
def lists() -> Iterator[ModelLists]:
    """Give a local server that lists two models."""
    with model_lists() as made:
        listed = [{"id": "qwen3:8b", "object": "model"}, {"id": "phi4", "object": "model"}]
        made.body = json.dumps({"object": "list", "data": listed}).encode()
        yield made
