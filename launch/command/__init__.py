"""The command line's commands: what a person types, and what of it a person sees. What they do is done in other rooms.

Every module that ``lightlag --help`` needs imports what is heavy only when a command is called.

General layout:

    launch                   ``lightlag launch``
    commands                 the other commands, each with its ``--help``
    bag, topic               commands that have commands
    fault, search            ``lightlag fault``, ``lightlag search``
    plan, lint, send,        what these print, and ``--check-determinism``
    determinism
    teaching                 what commands share: how a graph is named, how errors become words and an exit code
    display                  what a person sees of a run while it goes on
"""
