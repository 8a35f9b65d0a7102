"""A pytest plugin: tests that share a server run in one process, those of each column apart.

pytest-xdist 3.8 names a test's group in an attribute that pytest 9.2 does not read any more, so
its `--dist loadgroup` would silently group nothing (pytest-dev/pytest-xdist#1386).
"""

from collections.abc import Generator, Sequence

import pytest
from _pytest.nodeid import NodeId


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> Generator[None, None, None]:
    """Group the tests, and have xdist's own hook count."""
    for item in items:
        if isinstance(item, pytest.Function):
            _group(item)
    yield
    for item in items:
        grouped = getattr(item, "_nodeid", None)
        if grouped is not None:
            item._id = NodeId.parse(grouped)  # noqa: SLF001 - what xdist's own attribute was


def _group(item: pytest.Function) -> None:
    column = item.callspec.params.get("column") if hasattr(item, "callspec") else None
    is_grouped = any(item.iter_markers("xdist_group"))
    if column is not None and (is_grouped or "start_shared" in item.fixturenames):
        item.add_marker(pytest.mark.xdist_group(f"{_place(item)} {column}"))


def _place(item: pytest.Item) -> str:
    """Name the test's file by its path: several folders may have one of the same name."""
    return item.path.relative_to(item.config.rootpath).with_suffix("").as_posix()
