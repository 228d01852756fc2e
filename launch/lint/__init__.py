"""What in node code gives another result in another run, found by reading it.

A run is the same bit for bit in every placement as long as its nodes are. What reaches past simulated time (the
machine's clock, a generator that no run seeds, the order of a set, of a directory, of memory) is found here in the
source, before anything runs. To be wrong about right code would be worse than to miss something: a name counts only
where it is certain what it stands for. What is missed, ``lightlag launch --check-determinism`` may find by running.

General layout, lowest first:

    rules      the rules, and which names break them
    scopes     the scopes of a module, and every way in which a name in them gets its value
    kinds      what names stand for, and which expressions are sets
    checks     one walk over a module
    findings   what is found; comments that allow it
    linting    texts, files, and the modules of a graph's node classes
"""

from .findings import Finding
from .linting import lint_graph, lint_source

__all__ = ["Finding", "lint_graph", "lint_source"]
