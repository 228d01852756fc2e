"""What the documentation says can be typed, and then happens what it says.

Every page is read from its top in a folder of its own: its files are written, its commands typed, its output compared.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.blocks import LANGUAGES, blocks_of, shown
from tests.docs.reader import ROOT, Reader

PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/README.md")])
WITH_BLOCKS = [page for page in PAGES if blocks_of(page.read_text())]
#: Their graphs are run by the tests of their missions, too.
ON_MISSIONS = [ROOT / "docs" / "missions" / f"{name}.md" for name in ("emm", "mars2020-surface", "msl", "tianwen1")]
#: A page with this in it is for people who have Node.js.
JAVASCRIPT = "hello_js"
_LINK = re.compile(r"\]\((?P<target>[^)#\s]+)(?:#[^)]*)?\)")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.thorough] if page in ON_MISSIONS else []) for page in WITH_BLOCKS],
    ids=named,
)
def test_what_a_page_says_is_so(page, tmp_path, request):
    blocks = blocks_of(page.read_text())
    if any(JAVASCRIPT in block.text for block in blocks if block.language == "sh"):
        request.getfixturevalue("javascript")
    folder = tmp_path / "page"
    folder.mkdir()
    reader = Reader(page, folder)
    try:
        for block in blocks:
            reader.do(block)
        reader.end()
    finally:
        reader.close()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_what_a_page_leads_to_is_there(page):
    targets = [found["target"] for found in _LINK.finditer(page.read_text()) if ":" not in found["target"]]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


def test_a_text_right_after_a_command_is_its_output_and_one_elsewhere_is_only_shown():
    page = "```sh\ntrue\n```\n\n```text\n...\n```\n\nAnd:\n\n```text\nno output\n```\n"
    first, second = blocks_of(page)
    assert (first.language, first.shows, first.line) == ("sh", "...\n", 2)
    assert (second.language, second.shows) == ("text", None)


def test_what_a_block_is_for_stands_in_its_first_line_or_its_last_comment():
    page = '- item\n\n  ```yaml title="a/broken.yaml"\n  version: 1\n  ```\n```sh\nx   # exits 2: it is wrong\n```\n'
    graph, command = blocks_of(page)
    assert (graph.title, graph.text, graph.is_wrong) == ("a/broken.yaml", "version: 1\n", True)
    assert (command.exits, command.goes_on) == (2, False)
    assert blocks_of("```sh\nlightlag launch x.yaml  # goes on\n```\n")[0].goes_on


@pytest.mark.parametrize(
    ("expected", "output", "same"),
    [
        ("run  ...\n", "run  runs/1\n", True),
        ("a\n...\nz\n", "a\nb\nc\nz\n\n", True),
        ("a\n...\nz\n", "a\nz\n", True),
        ("...\nz\n", "a\n", False),
        ("a.c\n", "abc\n", False),
        ("a\n", "a\nb\n", False),
    ],
)
def test_three_dots_stand_for_anything(expected, output, same):
    assert shown(output, expected) is same


def test_pages_have_blocks_of_every_language():
    assert {block.language for page in WITH_BLOCKS for block in blocks_of(page.read_text())} >= {*LANGUAGES}
