"""The study's own tests need the package: pip install ./examples/sample_return."""

import pytest

pytest.importorskip("sample_return", reason="the package is not installed: pip install ./examples/sample_return")
