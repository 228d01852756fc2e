"""What is installed is ``lightlag`` and nothing else, the same from a wheel as in the checkout."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / ".src" / "lightlag"
FOLDERS = ("bus", "launch", "missions", "nodes", "orbiters")
#: What is needed at run time besides modules.
DATA = (
    "py.typed",
    "launch/graph/graph.schema.json",
    "launch/package/templates/orbiter/src/MODULE/orbiter.py.template",
    "launch/package/templates/package/dot-gitignore.template",
    "launch/report/page.css",
    "launch/report/page.html",
    "missions/emm/facts.yaml",
    "missions/emm/hope-arrival.yaml",
    "missions/emm/hope-science.yaml",
    "missions/mars2020/facts.yaml",
    "missions/mars2020/mars2020.yaml",
    "missions/tianwen1/facts.yaml",
    "missions/tianwen1/mex-zhurong.yaml",
    "missions/tianwen1/tianwen1-arrival.yaml",
    "missions/tianwen1/tianwen1-orbit.yaml",
    "missions/tianwen1/zhurong-landing.yaml",
    "orbiters/kernels/lightlag.tls",
    "orbiters/kernels/lightlag.tpc",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed, and a build that fetches it needs a network")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as file:
        yield file


def test_every_folder_has_its_link_and_every_link_its_folder():
    links = {path.name: os.readlink(path) for path in SOURCE.iterdir() if path.is_symlink()}
    assert links == {folder: f"../../{folder}" for folder in FOLDERS}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(FOLDERS)
    assert {path.name for path in SOURCE.iterdir() if not path.name.startswith("__pycache__")} == {
        *FOLDERS,
        "__init__.py",
        "__main__.py",
        "py.typed",
    }


def test_a_wheel_holds_nothing_but_lightlag(wheel):
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert len(tops) == 2
    assert {top.partition("-")[0] for top in tops} == {"lightlag"}
    assert all(top == "lightlag" or top.endswith(".dist-info") for top in tops)
    inside = {name.split("/")[1] for name in wheel.namelist() if name.startswith("lightlag/")}
    assert inside == {*FOLDERS, "__init__.py", "__main__.py", "py.typed"}


def test_a_wheel_holds_every_module_and_the_data_beside_them(wheel):
    names = set(wheel.namelist())
    modules = {f"lightlag/{path.relative_to(ROOT)}" for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    assert modules <= names
    assert {f"lightlag/{name}" for name in DATA} <= names
    assert {Path(name).suffix for name in names if name.startswith("lightlag/")} <= {
        ".css", ".html", ".json", ".py", ".template", ".tls", ".tpc", ".typed", ".yaml",
    }  # fmt: skip


def test_a_wheel_runs_where_it_is_unpacked(wheel, tmp_path):
    wheel.extractall(tmp_path)
    run = "import sys, lightlag; from lightlag.launch.cli import main; print(lightlag.__file__); sys.exit(main())"
    for started in (["-c", run], ["-m", "lightlag"]):
        ended = subprocess.run(
            [sys.executable, *started, "validate", "mars2020"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        *where, said = ended.stdout.splitlines()
        assert all(Path(each).is_relative_to(tmp_path) for each in where)
        assert said.startswith("mars2020 is right")
