"""What all tests share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from tests.javascript import install

_REFERENCE = Path(__file__).parents[2] / "shared" / "reference"

# How long an example takes says nothing on a machine with other work to do; the examples are the same in every run.
settings.register_profile("lightlag", deadline=None, derandomize=True)
settings.load_profile("lightlag")


@pytest.fixture(autouse=True)
def _path_as_before() -> Iterator[None]:
    """Folders of graphs that a test has loaded are looked into by no other test, nor by the programs that it starts."""
    before = list(sys.path)
    yield
    sys.path[:] = before


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference data beside the repository; tests that need it are skipped where it is absent."""
    if not _REFERENCE.is_dir():
        pytest.skip(f"no reference data beside the repository: {_REFERENCE}")
    return _REFERENCE


@pytest.fixture(scope="session")
def javascript() -> None:
    """Node.js and what ``examples/hello_js`` needs; tests that need them are skipped where they cannot be had."""
    if reason := install():
        pytest.skip(reason)
