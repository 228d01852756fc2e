"""The arithmetic fingerprint: the same wherever the arithmetic is the same, another wherever it is not."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from lightlag.bus.fingerprint import arithmetic_fingerprint

SAY = "from lightlag.bus.fingerprint import arithmetic_fingerprint as f; print(f())"


@pytest.mark.parametrize("threads", ["1", "4"])
def test_other_processes_and_other_numbers_of_threads_have_the_same(threads):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
    ended = subprocess.run([sys.executable, "-c", SAY], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == arithmetic_fingerprint()
    assert re.fullmatch("[0-9a-f]{16}", arithmetic_fingerprint())


@pytest.mark.parametrize(("module", "name"), [(math, "tan"), (np, "arccos"), (np.linalg, "solve")])
def test_one_other_bit_of_one_function_is_another_fingerprint(monkeypatch, module, name):
    true, here = getattr(module, name), arithmetic_fingerprint()
    monkeypatch.setattr(module, name, lambda *values: np.nextafter(true(*values), 2.0))
    assert arithmetic_fingerprint.__wrapped__() != here
