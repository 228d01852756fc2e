"""The command line's commands: what a person types, and what of it a person sees. What they do is done in other rooms.

A command is a function of its own module, with its words as annotations for Typer and its ``--help`` as docstring; it
becomes one by a line in ``table``. Every such module imports what is heavy only when the command is called.

General layout:

    table                    which commands there are; a new one is registered here
    overview, calling        ``lightlag --help``; how the command that was typed is found, and its page of help
    completion, completing   ``lightlag completion``; what can stand in the place of a word
    launch                   ``lightlag launch``
    commands                 other commands of few words
    bag, topic               commands that have commands
    plan, lint, send,        what these print, and ``--check-determinism``
    determinism
    teaching                 what commands share: how a graph is named, how errors become words and an exit code
    page                     what pages share: columns, and colour where there is a screen
    display                  what a person sees of a run while it goes on
"""
