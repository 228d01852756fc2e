"""The command line's commands: what a person types, and what of it a person sees. What they do is done in other rooms.

A command is a function of its own module, with its words as annotations for Typer and its ``--help`` as docstring; it
becomes one by a line in ``table``. Every such module imports what is heavy only when the command is called.

General layout:

    table                    which commands there are; a new one is registered here
    overview, calling        ``lightlag --help``; how the command that was typed is found, and its page of help
    completion, completing   ``lightlag completion``; what can stand in the place of a word
    launch                   ``lightlag launch``
    commands                 other commands of few words: of a graph, and ``why`` and ``send``
    bag, topic, node         commands that have commands; ``bag_play`` and ``bag_export`` are two of ``bag``'s
    replay, golden           one node alone beside its record; a run beside the golden one
    fault, search            something goes wrong in a live run; what a graph does not survive
    owlt, where              how long light takes, where things are
    logs, ps                 what nodes have noted; which runs there are, and the end of one
    doctor, testing          whether this machine is well; pytest
    plan, lint, send,        what these print, and ``--check-determinism``
    determinism
    teaching                 what commands share: how a graph is named, how errors become words and an exit code
    page, records            what pages share: columns, colour where there is a screen; how a record is written
    display                  what a person sees of a run while it goes on
"""
