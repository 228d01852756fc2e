"""The place of a run's sockets: private, and gone however the run ends."""

from __future__ import annotations

import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lightlag.launch.run.sockets import socket_directory

HOLDER = """
import sys, time
from lightlag.launch.run.sockets import socket_directory
with socket_directory() as path:
    (path / "hub").touch()
    print(path, flush=True)
    time.sleep(60)
"""


def test_it_is_for_this_user_alone_and_its_paths_are_short():
    with socket_directory() as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert len(str(path / "hub")) < 100
        (path / "hub").touch()
    assert not path.exists()


def test_an_error_takes_it_away_too():
    with pytest.raises(RuntimeError), socket_directory() as path:
        raise RuntimeError
    assert not path.exists()


def test_it_does_not_outlive_a_process_that_was_killed():
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True) as holder:
        path = Path(holder.stdout.readline().strip())
        assert (path / "hub").exists()
        holder.kill()
    until_s = time.monotonic() + 20
    while path.exists() and time.monotonic() < until_s:
        time.sleep(0.01)
    assert not path.exists()
