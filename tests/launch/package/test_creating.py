"""A package of every kind, from nothing: it is clean, its tests pass, and its graph runs, without being installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lightlag.bus.errors import GraphError
from lightlag.launch.cli import main
from lightlag.launch.package.creating import KINDS, as_if_installed, create

ROOT = Path(__file__).parents[3]
PYPROJECT = ROOT / "pyproject.toml"
PYTEST = ("pytest", "-q", "-p", "no:cacheprovider", "-W", "error")


def _thorough(kind: str):
    return pytest.param(kind, marks=pytest.mark.thorough)


class Created:
    """One package of every kind, and how another process finds them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packages = {kind: create(f"my-{kind}", kind, folder) for kind in KINDS}
        paths = [as_if_installed(it.folder, folder / "known" / it.names.name) for it in self.packages.values()]
        self.env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
            self.env.pop(name, None)

    def call(self, kind: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Call a module of Python in the package's folder."""
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.packages[kind].folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def created(tmp_path_factory) -> Created:
    return Created(tmp_path_factory.mktemp("packages"))


@pytest.mark.parametrize("kind", [kind if kind == "orbiter" else _thorough(kind) for kind in KINDS])
def test_its_tests_pass(created, kind):
    done = created.call(kind, *PYTEST)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("where", [(), pytest.param(("--lightlag-processes", "2"), marks=pytest.mark.thorough)])
def test_their_tests_pass_together(created, where):
    folders = [str(it.folder) for it in created.packages.values()]
    done = created.call("rover", *PYTEST, "--import-mode=importlib", *where, *folders)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_its_graph_is_launched_by_its_name(created, kind):
    run_dir = created.folder / f"run-{kind}"
    done = created.call(kind, "lightlag", "launch", f"my-{kind}", "-q", "--run-dir", str(run_dir))
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    summary = json.loads((run_dir / "summary.json").read_text())
    assert summary["receptions"] > 40
    assert (run_dir / "report.html").exists()


def test_their_node_types_are_known_by_their_names(created):
    done = created.call("orbiter", "lightlag", "node", "list", "--json")
    known = {it["name"]: it for it in json.loads(done.stdout)["node_types"]}
    for kind, package in created.packages.items():
        cls = f"{package.names.module}.{kind}:{package.names.cls}"
        assert (known[f"my-{kind}"]["class"], known[f"my-{kind}"]["error"]) == (cls, None)


@pytest.mark.parametrize("kind", KINDS)
def test_its_readme_shows_its_graph_and_names_nothing_that_is_not_there(created, kind):
    package = created.packages[kind]
    readme = (package.folder / "README.md").read_text()
    named = {line.split("`")[1] for line in readme.splitlines() if line.startswith("| `")}
    assert named <= set(package.files)
    assert {file for file in package.files if file.endswith(("r.py", "e.py", "n.py", "t.py", ".yaml"))} <= named
    assert f">my-{kind}<" in (package.folder / "graph.svg").read_text()
    for file in package.files:
        text = (package.folder / file).read_text()
        assert "{{" not in text
        assert "MODULE" not in text


def test_all_are_clean_by_our_own_rules(created):
    folders = [str(package.folder) for package in created.packages.values()]
    rules = ["--select", ",".join(_our_rules())]
    for command in (["check", *rules], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *folders], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_all_are_typed(created):
    modules = [word for package in created.packages.values() for word in ("-p", package.names.module)]
    sources = os.pathsep.join(str(package.folder / "src") for package in created.packages.values())
    command = ["mypy", "--config-file", str(created.packages["orbiter"].folder / "pyproject.toml")]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--cache-dir", str(created.folder / "mypy"), *modules],
        cwd=created.folder,
        env={**os.environ, "MYPYPATH": sources},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_lint_finds_nothing_in_them(created):
    done = created.call("orbiter", "lightlag", "lint", *[str(it.folder / "src") for it in created.packages.values()])
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("nothing found\n")


def test_a_wheel_of_it_has_its_graph_and_its_entry_points(created):
    pytest.importorskip("hatchling", reason="a build that fetches it needs a network")
    done = created.call("rover", "hatchling", "build", "--target", "wheel", "--directory", str(created.folder / "dist"))
    assert done.returncode == 0, done.stderr
    (wheel,) = (created.folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        assert {"my_rover/my_rover.yaml", "my_rover/py.typed", "my_rover/rover.py"} <= set(file.namelist())
        entry_points = file.read("my_rover-0.1.0.dist-info/entry_points.txt").decode()
    known = created.folder / "known" / "my-rover" / "my_rover-0.1.0.dist-info" / "entry_points.txt"
    assert sorted(filter(None, entry_points.splitlines())) == sorted(known.read_text().splitlines())


def test_a_person_is_told_what_was_written_and_what_comes_next(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["pkg", "create", "my-small-orbiter"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("my-small-orbiter: a relay orbiter of Mars, and a beacon that it relays to Earth; 10 files")
    assert "  my-small-orbiter/src/my_small_orbiter/orbiter.py" in said
    assert said.endswith("  lightlag launch my-small-orbiter\n")
    assert "class MySmallOrbiter(RelayOrbiter)" in Path("my-small-orbiter/src/my_small_orbiter/orbiter.py").read_text()


def test_nothing_that_is_there_is_written_over(tmp_path, monkeypatch, capsys):
    (tmp_path / "my-orbiter").mkdir()
    (tmp_path / "my-orbiter" / "mine").touch()
    assert main(["pkg", "create", "my-orbiter", "--into", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "my-orbiter exists and is not empty; take another name, or another --into" in said
    assert "nothing was written" in said
    (tmp_path / "my-file").touch()
    with pytest.raises(GraphError, match="exists and is no folder"):
        create("my-file", "orbiter", tmp_path)
    with pytest.raises(GraphError, match=r"my-other cannot be written: Not a directory"):
        create("my-other", "orbiter", tmp_path / "my-file")
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["mine", "my-file", "my-orbiter"]


def test_a_kind_that_there_is_not_is_told_with_those_that_there_are(tmp_path):
    with pytest.raises(GraphError, match="there is no kind 'submarine'; the kinds are: orbiter, lander, rover"):
        create("my-boat", "submarine", tmp_path)


def test_a_name_that_the_template_has_for_something_else_is_refused(tmp_path):
    with pytest.raises(GraphError, match="its node would be 'beacon', which the template needs for something else"):
        create("beacon", "orbiter", tmp_path)
    with pytest.raises(GraphError, match="its class would be 'RelayOrbiter'"):
        create("relay-orbiter", "orbiter", tmp_path)


def _our_rules() -> list[str]:
    import tomllib

    return tomllib.loads(PYPROJECT.read_text())["tool"]["ruff"]["lint"]["select"]
