"""What a reader has as ``pip``: ``pip install -e FOLDER`` into a folder of the reader's own, without a network.

The environment that the tests run in stays as it is. Started as a program, with that folder as the first word.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

_OPTIONS = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--upgrade")


def install(package: Path, target: Path) -> None:
    """Install a package that has its modules under ``src``; they are found there, as an editable install has it."""
    command = [sys.executable, "-m", "pip", "install", *_OPTIONS, "--target", str(target), str(package)]
    subprocess.run(command, check=True)
    for source in (package / "src").iterdir():
        shutil.rmtree(target / source.name)
        (target / source.name).symlink_to(source.resolve())


if __name__ == "__main__":
    folder, *words = sys.argv[1:]
    if words[:2] != ["install", "-e"] or len(words) != 3:
        sys.exit(f"a reader of the documentation installs by: pip install -e FOLDER; not by {words}")
    install(Path(words[2].partition("[")[0]).resolve(), Path(folder))
