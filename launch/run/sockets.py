"""The private directory of a run's sockets, which does not outlive the run, however that ends.

It lies under /tmp because paths of ipc sockets are short (107 bytes). Who removes it is a shell that waits for the end
of a pipe from the launcher: it comes when the launcher leaves, and also when it is killed, with all its children.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

_GUARDIAN = ["/bin/sh", "-c", 'cat >/dev/null; rm -rf "$0"']


@contextmanager
def socket_directory() -> Iterator[Path]:
    """A directory for this user alone, gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="ll-", dir="/tmp"))
    # Ctrl-C in a terminal is not for it: it has a session of its own.
    guardian = Popen([*_GUARDIAN, str(path)], stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        guardian.communicate()
