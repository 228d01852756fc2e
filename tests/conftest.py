"""What all tests share."""

from pathlib import Path

import pytest

_REFERENCE = Path(__file__).parents[2] / "shared" / "reference"


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference data beside the repository; tests that need it are skipped where it is absent."""
    if not _REFERENCE.is_dir():
        pytest.skip(f"no reference data beside the repository: {_REFERENCE}")
    return _REFERENCE
