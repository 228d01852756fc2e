"""What runs a node in another language: the ``exec`` and ``folder`` of a node in a graph file.

``exec`` is a list of words, the program first. ``folder`` is where it runs, by default the folder of the graph file, to
which it is relative. In the resolved graph, which may lie elsewhere, it is written out.
"""

from __future__ import annotations

import os
from pathlib import Path

from .diagnostics import Place, Report
from .source import UNKNOWN, Item


def read_program(
    command: Item | None, folder: Item | None, declared: Place, report: Report
) -> tuple[tuple[str, ...], str]:
    """The command and the folder of a node that is ``declared`` there; both empty for a node without a program.

    What is wrong is put into ``report``.
    """
    if command is None:
        if folder is not None:
            report.add("'folder' is where the program of 'exec' runs, but there is no 'exec'", folder.label)
        return (), ""
    if UNKNOWN in (command.value, None if folder is None else folder.value):
        return (), ""
    words = command.value
    if not isinstance(words, list) or not words:
        said = "an empty list" if words == [] else command.kind()
        split = words.split() if isinstance(words, str) else []
        hint = f"expected a list of words: [{', '.join(split or ('node', 'beacon.js'))}]"
        report.add(f"'exec' is {said}", command.place, hint, command.note)
        return (), ""
    for word in words:
        if not isinstance(word.value, str) or not word.value:
            hint = "every word of a command is a text; write it in quotes"
            report.add(f"a word of 'exec' is {word.kind()}", word.place, hint, word.note)
            return (), ""
    if folder is not None and not isinstance(folder.value, str):
        report.add(f"'folder' is {folder.kind()}", folder.place, "expected the path of a folder", folder.note)
        return (), ""
    beside = Path(declared.source.name).resolve().parent  # of the file in which the node is declared
    runs_in = os.path.normpath(beside / ("" if folder is None else str(folder.value)))
    return tuple(str(word.value) for word in words), runs_in
