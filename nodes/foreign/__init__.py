"""Nodes in other languages: a program does what a node does, behind a host that has its place, medium and digest.

A graph gives a node ``exec``: the command takes the place of ``run``, and the node's class gives the rest, parameters,
ports, radios and where it is. Program and host speak a small protocol over the program's standard input and output,
which docs/wire.md specifies. The program knows simulated time alone, as nodes in Python do.

    codec          the words, and their bytes
    process        the program's process, and how it ends
    conversation   all that was said, so that a program that was killed hears it again
    running        the node's ``run``

Imports from: the rest of nodes. Imported by: launch, which makes foreign nodes of what a graph says.
"""

from .process import find_program
from .running import let_run

__all__ = ["find_program", "let_run"]
