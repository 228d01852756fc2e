"""A reader of the documentation, who types what a page says, in the order in which it says it, and looks."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import jsonschema
from ruamel.yaml import YAML

from .blocks import LANGUAGES, Block, shown

ROOT = Path(__file__).parents[2]
_SESSION = Path(__file__).with_name("session.py")
_PIP = Path(__file__).with_name("pip.py")
_PATIENCE_S = 120.0
#: What pytest tells the processes that it starts; a reader has none of it.
_OF_PYTEST = ("PYTEST_", "COV_", "COVERAGE")


class Reader:
    """Works in a folder of its own, in which it sees the examples and the missions of the repository."""

    def __init__(self, page: Path, folder: Path) -> None:
        self._page = page
        self._folder = folder
        home = folder.parent / f"{folder.name}-home"
        home.mkdir()
        self._installed = folder.parent / f"{folder.name}-installed"
        _write_program(home / "bin" / "pip", [sys.executable, str(_PIP), str(self._installed)])
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_OF_PYTEST)}
        beside = os.pathsep.join([str(home / "bin"), str(Path(sys.executable).parent), kept.get("PATH", "")])
        self._environment = {**kept, "PATH": beside, "HOME": str(home), "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        self._environment["PYTHONPATH"] = str(self._installed)
        self._python: subprocess.Popen[str] | None = None
        self._terminals: list[tuple[Block, subprocess.Popen[str]]] = []
        #: Graph files that no block has named yet.
        self._unread: dict[str, Block] = {}
        (folder / "missions").symlink_to(ROOT / "missions")
        for file in (ROOT / "examples").glob("*/*"):
            # The tests of a package are for those who have installed it.
            if file.name != "tests":
                seen = folder / file.relative_to(ROOT)
                seen.parent.mkdir(parents=True, exist_ok=True)
                seen.symlink_to(file)

    def do(self, block: Block) -> None:
        """Do what a block is for; fails if it does not go as the page says."""
        self._unread = {file: written for file, written in self._unread.items() if file not in block.text}
        known = block.title or block.language in LANGUAGES
        assert known, self._told(block, f"blocks without a title are of {', '.join(LANGUAGES)}")
        if block.title:
            self._write(block)
        elif block.language == "yaml":
            self._hold_to_schema(block)
        elif block.language == "python":
            self._say(block)
        elif block.language == "sh":
            self._launch(block) if block.goes_on else self._type(block)

    def end(self) -> None:
        """The page is read: a graph file that it wrote, and did nothing with, is as right as it says."""
        for file, block in self._unread.items():
            ended = self._run(["lightlag", "validate", file])
            assert ended.returncode == (2 if block.is_wrong else 0), self._told(block, ended.stdout)

    def close(self) -> None:
        """Leave: every terminal that was opened has ended by what the page says."""
        if self._python is not None:
            self._python.communicate(timeout=_PATIENCE_S)
        for block, terminal in self._terminals:
            try:
                terminal.wait(20)
            except subprocess.TimeoutExpired:
                raise AssertionError(self._told(block, "it goes on at the end of the page")) from None
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(terminal.pid, signal.SIGKILL)
                terminal.communicate()

    def _write(self, block: Block) -> None:
        file = self._folder / block.title
        file.parent.mkdir(parents=True, exist_ok=True)
        assert not any(parent.is_symlink() for parent in file.parents), self._told(block, "it is not the page's own")
        file.write_text(block.text, encoding="utf-8")
        if block.language == "python":
            compile(block.text, block.title, "exec")
        if block.language == "yaml" and "version" in (YAML(typ="safe", pure=True).load(block.text) or {}):
            self._unread[block.title] = block

    def _hold_to_schema(self, block: Block) -> None:
        """A piece of a graph file has sections that a graph file has, and in them what these may have."""
        piece = YAML(typ="safe", pure=True).load(block.text)
        try:
            # An instant, which YAML reads as a date, is a text in a graph file.
            written = json.loads(json.dumps(piece, default=lambda it: it.strftime("%Y-%m-%dT%H:%M:%SZ")))
            jsonschema.validate(written, _schema_of_pieces())
        except jsonschema.ValidationError as error:
            raise AssertionError(self._told(block, f"{error.json_path}: {error.message}")) from None

    def _type(self, block: Block) -> None:
        ended = self._run(["bash", "-euo", "pipefail", "-c", block.text])
        assert ended.returncode == block.exits, self._told(block, f"exit code {ended.returncode}\n{ended.stdout}")
        self._compare(block, ended.stdout)

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE_S,
        )

    def _launch(self, block: Block) -> None:
        """Type it in a terminal of its own, and look up when its run is live."""
        latest = self._folder / "runs" / "latest"
        before = latest.resolve() if latest.exists() else None
        terminal = subprocess.Popen(
            ["bash", "-c", block.text],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._terminals.append((block, terminal))
        end_s = time.monotonic() + _PATIENCE_S
        while not (latest.exists() and latest.resolve() != before and (latest / "live.json").exists()):
            assert terminal.poll() is None, self._told(block, str(terminal.communicate()[0]))
            assert time.monotonic() < end_s, self._told(block, "no run has come to life")
            time.sleep(0.05)

    def _say(self, block: Block) -> None:
        if self._python is None:
            self._python = subprocess.Popen(
                [sys.executable, str(_SESSION)],
                cwd=self._folder,
                env={**self._environment, "PYTHONPATH": f"{self._folder}{os.pathsep}{self._installed}"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._python.stdin is not None
        assert self._python.stdout is not None
        name = f"{self._page.relative_to(ROOT)}, block in line {block.line}"
        self._python.stdin.write(json.dumps({"name": name, "code": block.text}) + "\n")
        self._python.stdin.flush()
        answer = json.loads(self._python.stdout.readline())
        assert not answer["error"], self._told(block, answer["out"] + answer["error"])
        self._compare(block, answer["out"])

    def _compare(self, block: Block, output: str) -> None:
        if block.shows is not None and not shown(output, block.shows):
            raise AssertionError(self._told(block, f"the page shows:\n{block.shows}\nand it says:\n{output}"))

    def _told(self, block: Block, what: str) -> str:
        return f"{self._page.relative_to(ROOT)}:{block.line}: {what}\n\n{block.text}"


def _write_program(path: Path, command: list[str]) -> None:
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


@cache
def _schema_of_pieces() -> dict[str, object]:
    """The schema of graph files, of which a piece need not have all that a whole one must."""
    schema = json.loads((ROOT / "launch" / "graph" / "graph.schema.json").read_text())
    return {key: value for key, value in schema.items() if key not in ("required", "anyOf")}
