"""One function in a fresh process of its own, so that no repeat inherits another's heap or imports.

``call("peers.stores:phold", 8, 10**9)`` runs this file as a script; arguments and result travel as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from typing import Any


def call(target: str, *arguments: Any) -> Any:
    """What ``module:function`` of the benchmarks returns for the arguments.

    Raises:
        RuntimeError: it raised; its traceback was written to standard error.
    """
    ended = subprocess.run(
        [sys.executable, __file__, target, json.dumps(arguments)], stdout=subprocess.PIPE, text=True, check=False
    )
    if ended.returncode:
        raise RuntimeError(f"{target}{arguments} ended with exit code {ended.returncode}")
    return json.loads(ended.stdout.splitlines()[-1])


if __name__ == "__main__":
    module, function = sys.argv[1].split(":")
    answer = getattr(import_module(module), function)(*json.loads(sys.argv[2]))
    sys.stdout.write(json.dumps(answer) + "\n")
