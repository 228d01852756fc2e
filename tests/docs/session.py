"""A Python that a page talks to: it runs the page's blocks in one namespace, as a notebook does; started as a program.

Each line of standard input is a JSON object ``{name, code}``, and is answered by one: ``{out, error}``. The value of an
expression at the end of a block is shown.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
import traceback


def run(code: str, name: str, namespace: dict[str, object]) -> dict[str, str]:
    """Run a block; what it printed, and how it failed."""
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            body = ast.parse(code, name)
            last = body.body.pop() if body.body and isinstance(body.body[-1], ast.Expr) else None
            exec(compile(body, name, "exec"), namespace)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), name, "eval"), namespace)
                if value is not None:
                    print(repr(value))  # noqa: T201
    except BaseException:  # noqa: BLE001 - whatever it is, the page's test is told
        return {"out": out.getvalue(), "error": traceback.format_exc()}
    return {"out": out.getvalue(), "error": ""}


if __name__ == "__main__":
    space: dict[str, object] = {"__name__": "__main__"}
    answers = sys.stdout
    for line in sys.stdin:
        asked = json.loads(line)
        answers.write(json.dumps(run(asked["code"], asked["name"], space)) + "\n")
        answers.flush()
