"""What the lint finds in node code, and what it leaves in peace."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from lightlag.bus.errors import GraphError
from lightlag.launch.command.calling import app_of
from lightlag.launch.graph.loading import load_graph
from lightlag.launch.lint import lint_graph, lint_source
from lightlag.launch.lint.linting import lint_file, modules_of
from lightlag.launch.lint.rules import RULES

ROOT = Path(__file__).parents[3]


def found(code: str) -> list[str]:
    """Rule and line of every finding: ``wall-clock 3``."""
    return [f"{it.rule} {it.place.line}" for it in lint_source(textwrap.dedent(code), "node.py") if it.place]


# -- what is found; the marked line ends in "#!" and the rule ---------------------------------------------------------

WRONG = {
    "a clock": """
        import time
        sent_s = time.time()  #! wall-clock
    """,
    "a clock under another name": """
        from time import monotonic_ns as now
        async def run(self):
            return now() - 5  #! wall-clock
    """,
    "a clock handed on": """
        import time, dataclasses
        stamp = dataclasses.field(default_factory=time.perf_counter)  #! wall-clock
    """,
    "a date of today": """
        import datetime as dt
        from datetime import datetime, date, timezone
        a = dt.datetime.now(timezone.utc)  #! wall-clock
        b = datetime.utcnow()  #! wall-clock
        c = date.today()  #! wall-clock
    """,
    "time as it is here": """
        import time
        from datetime import datetime
        a = time.strftime("%H:%M")  #! wall-clock
        b = time.gmtime()  #! wall-clock
        c = datetime.fromtimestamp(12.0)  #! wall-clock
        d = time.localtime(12.0)  #! wall-clock
    """,
    "a sleep that is none": """
        import time
        async def run(self):
            time.sleep(1)  #! wall-clock
    """,
    "an import inside a function": """
        def age():
            import time
            return time.time()  #! wall-clock
    """,
    "the generator of the process": """
        import random
        import numpy as np
        from random import choice
        a = random.random()  #! randomness
        b = choice([1, 2])  #! randomness
        c = np.random.normal(0, 1)  #! randomness
        random.seed(3)  #! randomness
    """,
    "generators without a seed": """
        import random
        import numpy as np
        from numpy.random import default_rng
        a = random.Random()  #! randomness
        b = default_rng()  #! randomness
        c = np.random.default_rng(None)  #! randomness
        d = np.random.default_rng(seed=None)  #! randomness
        e = np.random.Generator(np.random.PCG64())  #! randomness
    """,
    "randomness of the system": """
        import os, secrets, uuid, random
        a = secrets.token_hex(4)  #! randomness
        b = uuid.uuid4()  #! randomness
        c = os.urandom(8)  #! randomness
        d = random.SystemRandom()  #! randomness
    """,
    "a loop over a set of texts": """
        def go():
            for name in {"mro", "maven"}:  #! set-order
                print(name)
    """,
    "sets by call, comprehension and operator": """
        def go(a, b, names):
            x = [it for it in set(names)]  #! set-order
            y = list({it.name for it in names})  #! set-order
            z = tuple(set(a) - b)  #! set-order
            w = ", ".join(frozenset(a) | b)  #! set-order
            v = {name: 1 for name in a.keys() & b.keys()}  #! set-order
            return x, y, z, w, v
    """,
    "a name that is a set": """
        def go(all_of_them, seen: set[str]):
            left = set(all_of_them)
            for name in left:  #! set-order
                print(name)
            return enumerate(seen)  #! set-order
    """,
    "an attribute that is a set": """
        class Relay(Node):
            users: frozenset[str]
            def __init__(self):
                self.heard = set()
            async def run(self):
                self.heard.add(await self.next())
                for name in self.heard:  #! set-order
                    self.send(name)
                self.first, *self.rest = self.users  #! set-order
    """,
    "a parameter that is a set": """
        class Relay(Node):
            class Params(NodeParams):
                users: frozenset[str] = frozenset()
            async def run(self):
                for user in self.params.users:  #! set-order
                    self.send(user)
    """,
    "a function that returns a set": """
        def visible() -> set[str]:
            return {"mro"}
        for name in visible():  #! set-order
            print(name)
    """,
    "a property that is a set, and one with a None in it": """
        class Relay(Node):
            @property
            def users(self) -> set[str]:
                return self._users
            def go(self, slots: set[int | None]):
                return list(self.users), tuple(slots)  #! set-order set-order
    """,
    "a global set": """
        RELAYS = {"mro", "maven"}
        class A:
            async def run(self):
                await gather(*[self.ask(one) for one in RELAYS])  #! set-order
    """,
    "whatever comes first": """
        def go(names):
            left = set(names)
            while left:
                print(left.pop())  #! set-order
            return next(iter(frozenset(names)))  #! set-order
    """,
    "the nearest of a set, of which two may be": """
        def go(names):
            return min(set(names), key=len)  #! set-order
    """,
    "a set in a text": """
        def go(names):
            raise ValueError(f"not in view: {set(names)}")  #! set-order
    """,
    "a set put into a list": """
        def go(out, names):
            out.extend({name.lower() for name in names})  #! set-order
            return [*set(names)], dict.fromkeys(set(names))  #! set-order set-order
    """,
    "objects in a set": """
        def go(nodes):
            for node in {nodes[0], nodes[1]}:  #! set-order
                node.wake()
    """,
    "every task of a process": """
        import asyncio
        for task in asyncio.all_tasks():  #! set-order
            task.cancel()
    """,
    "files as they come": """
        import os, glob
        from pathlib import Path
        for name in os.listdir("."):  #! file-order
            print(name)
        names = [it.name for it in Path("x").iterdir()]  #! file-order
        first = next(iter(glob.glob("*.dat")))  #! file-order
        files = list(Path("x").glob("*.dat"))
        for file in files:  #! file-order
            print(file)
    """,
    "numbers that are others in every process": """
        def go(name, items):
            slot = hash(name) % 8  #! identity
            slots = [hash(name) for name in items]  #! identity
            label = f"node-{id(items)}"  #! identity
            return sorted(items, key=id), slot, label  #! identity
    """,
    "threads and programs": """
        import threading
        import subprocess  #! outside
        from concurrent.futures import ThreadPoolExecutor  #! outside
        import asyncio, os
        threading.Thread(target=print).start()  #! outside
        os.system("ls")  #! outside
        async def run():
            await asyncio.to_thread(print)  #! outside
    """,
    "the network": """
        import socket  #! outside
        import requests  #! outside
        import urllib.request  #! outside
        from urllib import request  #! outside
        from http.client import HTTPConnection  #! outside
    """,
    "the environment": """
        import os
        from os import environ
        debug = os.environ.get("DEBUG")  #! environment
        home = environ["HOME"]  #! environment
    """,
    "a file read while the run goes": """
        class A:
            async def run(self):
                with open("orders.txt") as file:  #! environment
                    self.act(file.read())
            def orders(self):
                return self.path.read_text()  #! environment
    """,
    "a queue of all nodes": """
        import asyncio
        from asyncio import Event
        NEWS = asyncio.Queue()  #! sharing
        class Rover:
            landed = Event()  #! sharing
    """,
    "as_completed of coroutines": """
        import asyncio
        async def ask(name): ...
        async def run(names):
            for one in asyncio.as_completed([ask(name) for name in names]):  #! futures
                await one
    """,
    "gathered futures in a set": """
        import asyncio
        async def run(a, b):
            both = asyncio.gather(a, b)
            await asyncio.wait([both])  #! futures
            return {asyncio.gather(a)}  #! futures
    """,
    "a future of asyncio's own": """
        import asyncio
        async def run():
            return asyncio.Future()  #! futures
    """,
    "callbacks of the collector": """
        import weakref
        def go(x):
            return weakref.ref(x, print)  #! collector
        class A:
            def __del__(self):  #! collector
                print("gone")
    """,
    "code in every corner": """
        import time
        def a(since=time.time()): ...  #! wall-clock
        b = lambda: time.time()  #! wall-clock
        @register(time.time())  #! wall-clock
        class C:
            born = time.time()  #! wall-clock
        try:
            pass
        except ValueError:
            d = time.time()  #! wall-clock
        match 3:
            case x if x > time.time():  #! wall-clock
                pass
    """,
}

RIGHT = {
    "simulated time": """
        import asyncio, time
        from datetime import datetime, timezone
        async def run(self):
            loop = asyncio.get_running_loop()
            await asyncio.sleep(1)
            when = datetime.fromtimestamp(self.now_ns / 1e9, timezone.utc)
            text = time.strftime("%H:%M", time.gmtime(12))
            return loop.time(), self.now_ns, when, text
    """,
    "names that only look like it": """
        from .clock import time
        from mission import random, datetime
        def go(time, hash, id, set):
            return time.time(), hash("a"), id(3), list(set("a"))
        def other(self):
            self.time.sleep(3)
            return random.random(), datetime.now()
    """,
    "a name with two meanings": """
        try:
            from time import time as now
        except ImportError:
            now = None
        def go(items):
            items = set(items)
            items = sorted(items)
            for item in items:
                print(item)
            return now
    """,
    "seeded randomness": """
        import random
        import numpy as np
        def go(self, seed):
            rng: random.Random = self.rng
            a = random.Random(seed)
            b = np.random.default_rng([seed, 3])
            c: np.random.Generator = np.random.Generator(np.random.PCG64(seed))
            return rng.random(), a.choice([1]), b.normal(), isinstance(c, np.random.Generator)
    """,
    "sets without their order": """
        def go(names, other):
            seen = set(names)
            seen.add("x")
            seen |= set(other)
            if "y" in seen and len(seen) > 3 or seen == other:
                seen.discard("y")
            a = sorted(seen), max(seen), any(it for it in seen), sum(len(it) for it in seen)
            b = sorted(seen, key=len), set(it.lower() for it in seen), {it.upper() for it in seen}
            c = len([it for it in seen if it]), sorted(list(seen)), seen.union(it for it in seen)
            d = frozenset(map(str, seen)), all([it in seen for it in names]), sorted([*seen]), {*seen}
            return a, b, c, d
    """,
    "sorted in the end": """
        import os
        def go(names):
            left = list(set(names))
            left.sort()
            files = os.listdir(".")
            files.sort()
            for file in files:
                print(file)
            other = tuple(set(names))
            return left, sorted(other), sorted(os.listdir("."))
    """,
    "sets of numbers, which hash alike everywhere": """
        def go(frames: set[int], when: frozenset[tuple[int, float]] | None):
            for frame in frames:
                print(frame)
            for one in {1, 2, 3} | frames:
                print(one)
            left = set(range(5)) - {3}
            left.add(len(frames))
            return list(left), list(when or frames), f"{left}"
    """,
    "sets of tasks, which the virtual loop numbers": """
        import asyncio
        class A:
            def __init__(self):
                self.tasks: set[asyncio.Task[None]] = set()
                self.others = set()
            def start(self):
                task = asyncio.create_task(self.work())
                self.others.add(task)
            def stop(self):
                for task in self.tasks | self.others:
                    task.cancel()
            async def run(self):
                done, pending = await asyncio.wait(self.tasks)
                for task in done:
                    task.result()
                for one in asyncio.as_completed([asyncio.create_task(self.work())]):
                    await one
                async with asyncio.TaskGroup() as group:
                    mine = {group.create_task(self.work())}
                    for task in mine:
                        task.cancel()
            @property
            def numbers(self) -> set[int]: ...
            async def work(self):
                return list(self.numbers)
    """,
    "a set of one": """
        def go(names):
            left = set(names)
            (only,) = left
            return left.pop() if len(left) == 1 else only
    """,
    "dicts and lists, which keep their order": """
        def go(a: dict[str, int], b):
            for name in a.keys():
                print(name)
            for name in dict.fromkeys(b):
                print(name)
            a.update(b)
            a.pop("x")
            return list(a.items()), 3 - b, b | a, b & a
    """,
    "identity that only tells apart": """
        def go(a, b, seen):
            seen.add(id(a))
            marks = {id(a): 1}
            key = id(a), 3
            marks[key] = 2
            return id(a) == id(b), id(a) in seen, marks[id(b)], {id(it) for it in seen}
        class Key:
            def __hash__(self):
                return hash((self.name, self.seq))
            def __eq__(self, other):
                return hash(self) == hash(other)
    """,
    "files that are written, or read before the run": """
        FACTS = open("facts.txt").read()
        class A:
            def __init__(self):
                self.text = open("a").read()
            async def run(self):
                with open("out.txt", "w") as file:
                    file.write("x")
        def load(path):
            return path.read_text()
    """,
    "what no run executes": """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            import socket
        def go(s: socket.socket): ...
        if __name__ == "__main__":
            import time
            print(time.time())
    """,
    "types and exceptions of forbidden things": """
        import asyncio, threading
        def go(x):
            if isinstance(x, asyncio.Task):
                x.cancel()
            threading.get_ident()
            raise asyncio.TimeoutError
    """,
    "things made of themselves": """
        def go(a):
            x = x | a
            y = z
            z = y
            for x in y:
                print(x, z)
    """,
}


@pytest.mark.parametrize("code", WRONG.values(), ids=WRONG)
def test_what_differs_from_run_to_run_is_found_where_it_stands(code):
    lines = code.splitlines()
    marked = [(number, line.partition("#! ")[2].split()) for number, line in enumerate(lines, start=1)]
    assert found(code) == [f"{rule} {number}" for number, rules in marked for rule in rules]


@pytest.mark.parametrize("code", RIGHT.values(), ids=RIGHT)
def test_what_is_the_same_in_every_run_is_left_in_peace(code):
    assert found(code) == []


@pytest.mark.parametrize("path", ["nodes", "orbiters", "missions", "examples"])
def test_the_nodes_of_this_repository_are_clean(path):
    told = [str(finding) for file in sorted((ROOT / path).rglob("*.py")) for finding in lint_file(file)]
    assert told == []


# -- how it is told ---------------------------------------------------------------------------------------------------


def test_a_finding_shows_the_line_what_is_wrong_and_what_to_use():
    (finding,) = lint_source("import time\nstart_s = 2 * time.time()  # s\n", "rover.py")
    assert str(finding).splitlines() == [
        "rover.py:2:15: wall-clock: time.time reads the clock of the machine",
        "  2 | start_s = 2 * time.time()  # s",
        "    |               ^^^^^^^^^",
        "      instead: the simulated time is self.now_ns (ns since the epoch); as UTC: self.epoch.utc(self.now_ns)",
    ]


def test_a_set_is_told_with_the_way_to_sort_it():
    (finding,) = lint_source("for ä in {'Ä', 'ö'} | b: print(ä)", "rover.py")
    assert finding.lines()[0][1] == (
        "rover.py:1:10: set-order: for takes the items of a set in an order that differs from process to process"
    )
    assert "sorted({'Ä', 'ö'} | b), or a dict" in finding.instead
    assert (finding.place.column, finding.place.width) == (10, 14)


def test_a_reading_of_the_environment_is_a_warning():
    (finding,) = lint_source("import os\nos.getenv('A')\n", "rover.py")
    assert finding.is_warning
    assert str(finding).startswith("rover.py:2:1: warning, environment: os.getenv is another in every process")


# -- what is allowed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "import time\na = time.time()  # lightlag: allow wall-clock (for the log only)\n",
        "import time\n# lightlag: allow wall-clock (for the log only)\na = time.time()\n",
        "import time\na = [\n    time.time()  # lightlag: allow wall-clock (for the log only)\n]\n",
        "for a in {\n    'b'\n}:  # lightlag: allow set-order (each is done for itself)\n    print(a)\n",
        "import os\na = [os.urandom(1), hash('a')]  # lightlag: allow randomness, identity (a test of both)\n",
    ],
)
def test_a_comment_with_a_reason_allows_what_stands_on_its_line(code):
    assert found(code) == []


@pytest.mark.parametrize(
    ("comment", "message", "instead"),
    [
        ("# lightlag: allow wall-clock", "names rules and gives a reason", "allow RULE (why"),
        ("# lightlag: allow wall-clock ()", "names rules and gives a reason", "allow RULE (why"),
        ("# lightlag: allow (because)", "names rules and gives a reason", "allow RULE (why"),
        ("# lightlag: allow wall-clok (log)", "there is no rule 'wall-clok'", "did you mean 'wall-clock'?"),
    ],
)
def test_a_comment_that_allows_wrongly_allows_nothing_and_is_told(comment, message, instead):
    first, second = sorted(lint_source(f"import time\na = time.time()  {comment}\n", "a.py"), key=lambda it: it.rule)
    assert (first.rule, second.rule) == ("allow", "wall-clock")
    assert message in first.message
    assert instead in first.instead


def test_a_comment_that_allows_what_is_not_there_is_told():
    (finding,) = lint_source("a = 1  # lightlag: allow wall-clock (it was there once)\n", "a.py")
    assert finding.message == "nothing here is found by wall-clock"


def test_a_text_is_no_comment():
    assert found('a = "# lightlag: allow nonsense"\n') == []


def test_every_rule_is_met_in_these_tests_and_explained_on_the_page():
    page = (ROOT / "docs" / "determinism.md").read_text()
    met = {rule for code in WRONG.values() for line in code.splitlines() for rule in line.partition("#! ")[2].split()}
    assert met | {"allow", "source"} == set(RULES)
    assert [rule for rule in RULES if f"`{rule}`" not in page] == []


# -- what is no Python, and what is strange ---------------------------------------------------------------------------


def test_what_is_no_python_is_told_with_its_place():
    with pytest.raises(GraphError, match=r"rover.py:2:7: not Python: "):
        lint_source("a = 1\nfor x y\n", "rover.py")


@given(st.text(alphabet="ab=+-|&:(){}[],.*'\n #fornis", max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        findings = lint_source(text, "x.py")
    except GraphError:
        return
    assert all(finding.place.line <= text.count("\n") + 1 for finding in findings)


@given(
    st.recursive(
        st.sampled_from(["a", "{1}", "{'x'}", "set(a)", "set()", "[1]", "range(3)", "a.keys()", "b"]),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from("|&-^"), inner).map(lambda it: f"({it[0]} {it[1]} {it[2]})"),
            inner.map("frozenset({})".format),
            inner.map("{}.copy()".format),
            st.tuples(inner, inner).map(lambda it: f"({it[0]} if a else {it[1]})"),
        ),
        max_leaves=8,
    )
)
def test_sorting_heals_every_set(expression):
    assert found(f"for x in sorted({expression}):\n    print(x)\n") == []
    assert found(f"b = {expression}\nprint(len(b), 3 in b)\n") == []


# -- graphs and the command line --------------------------------------------------------------------------------------

NODE = """
import time
from lightlag.nodes import Node
class Base(Node): ...
class Rover(Base):
    async def run(self):
        self.log(str(time.time()))
"""
GRAPH = """
version: 1
name: alone
args:
  end: {type: duration, default: 1 s, help: When it ends.}
epoch: 2021-02-18T20:26:00Z
until: "${end}"
nodes:
  rover: {type: "MODULE:Rover"}
"""


@pytest.fixture
def alone(tmp_path, monkeypatch, request):
    """A graph file with a node class beside it."""
    module = f"lint_{request.node.name.partition('[')[0]}"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{module}.py").write_text(NODE)
    (tmp_path / "alone.yaml").write_text(GRAPH.replace("MODULE", module))
    return module


def test_of_a_graph_the_modules_of_its_node_classes_are_read(alone):
    graph = load_graph("alone.yaml")
    assert modules_of(graph) == [alone]
    (finding,) = lint_graph(graph)
    assert str(finding.place) == f"{alone}.py:7:22"


def test_of_a_graph_of_our_own_nodes_their_bases_are_read_too_and_the_kernel_is_not():
    names = modules_of(load_graph("mars2020"))
    assert {"lightlag.missions.mars2020.perseverance", "lightlag.orbiters.mro", "lightlag.orbiters.relay"} <= set(names)
    assert not [name for name in names if name.startswith(("lightlag.bus", "builtins"))]


def run_lint(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app_of("lint"), ["lint", *words])
    return done.exit_code, done.stdout, done.stderr


def test_the_command_takes_graphs_and_files(alone):
    exit_code, printed, _ = run_lint("alone.yaml", f"{alone}.py", "end:=2 s")
    assert exit_code == 1
    assert printed.count("wall-clock") == 1
    assert printed.splitlines()[-1] == "2 modules: 1 finding"


def test_clean_code_and_mere_warnings_are_exit_code_0(tmp_path):
    (tmp_path / "a.py").write_text("import os\nos.getenv('A')\n")
    (tmp_path / "b.py").write_text("")
    exit_code, printed, _ = run_lint(str(tmp_path))
    assert (exit_code, printed.splitlines()[-1]) == (0, "2 modules: 1 warning")
    assert run_lint(str(tmp_path / "b.py"))[:2] == (0, "1 module: nothing found\n")


def test_the_command_gives_data(alone):
    exit_code, printed, _ = run_lint(f"{alone}.py", "--json")
    assert exit_code == 1
    told = json.loads(printed)
    assert told["looked_at"] == 1
    assert [(it["rule"], it["severity"], it["line"], it["column"]) for it in told["findings"]] == [
        ("wall-clock", "error", 7, 22)
    ]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("no.py", None, "cannot read 'no.py'"),
        ("no.yaml", None, "there is no file 'no.yaml'"),
        ("bad.py", "for", "bad.py:1:4: not Python"),
        ("latin.py", "é", "latin.py is not UTF-8: byte 0xe9"),
    ],
)
def test_what_cannot_be_read_is_exit_code_2(name, text, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / name).write_text(text, encoding="latin-1")
    exit_code, printed, errors = run_lint(name)
    assert (exit_code, printed) == (2, "")
    assert said in errors
