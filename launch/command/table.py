"""Every command of ``lightlag``: its name, what it does in a line, and where it is. A new command is a line here.

Nothing is imported to read the table, so that ``lightlag --help`` is quick; of a command its own module only is, when
it is called. What is said of a command is how its own ``--help`` begins; a test compares.
"""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """A command of the command line."""

    name: str
    #: How its ``--help`` begins, at most 62 characters, to a full stop.
    does: str
    #: The module in this package and, in it, the function, or the Typer app of a command that has commands.
    where: str
    #: Whether words that are not its own are handed on, as they are, to another program.
    hands_on: bool = False


#: By heading, in the order in which they are listed.
COMMANDS: dict[str, tuple[Command, ...]] = {
    "Run": (Command("launch", "Run a graph: every node it declares, until its end.", "launch:launch"),),
    "Look at a graph": (
        Command("validate", "Check a graph and its arguments; start nothing.", "validate:validate"),
        Command("show", "Show what a graph declares.", "show:show"),
        Command("schema", "Write the JSON Schema of graph files, for editors.", "schema:schema"),
        Command("plan", "Show which nodes would run together.", "commands:plan"),
        Command("search", "Look for faults that a graph does not survive.", "search:search"),
        Command("lint", "Find in node code what may give another result in another run.", "commands:lint"),
    ),
    "Look at a run, act on it": (
        Command("ps", "The runs of this machine: how far, how fast, at what cost.", "ps:ps"),
        Command("why", "Who waits for whom in a live run, and what is being computed.", "commands:why"),
        Command("logs", "What the nodes of a run have noted.", "logs:logs"),
        Command("topic", "Listen to what nodes of a run receive, live or recorded.", "topic:app"),
        Command("fault", "Have something go wrong in a live run, from now on.", "fault:fault"),
        Command("send", "Have a node of a live run receive a message from you.", "commands:send"),
        Command("stop", "End a live run.", "ps:stop"),
    ),
    "Look at a recording": (
        Command("bag", "Look into recordings: what is in one, where two differ.", "bag:app"),
        Command("replay", "Run one node alone on what it received, and compare.", "replay:replay"),
        Command("golden", "Compare a run with the golden one of its mission.", "golden:golden"),
    ),
    "Ask": (
        Command("owlt", "How long light takes from one place to another.", "owlt:owlt"),
        Command("where", "Where a spacecraft, station or body is, and who sees it.", "where:where"),
        Command("node", "Look at the node types that are installed.", "node:app"),
    ),
    "A package of your own": (
        Command("pkg", "Begin a package of your own.", "pkg:app"),
        Command("plugin", "See which plug-ins are installed, and check them.", "plugin:app"),
    ),
    "This machine": (
        Command("doctor", "Check that this machine can run what you ask of it.", "doctor:doctor"),
        Command("test", "Run the tests of this folder with pytest.", "testing:run_tests", hands_on=True),
        Command("completion", "Have the shell complete what you type.", "completion:completion"),
    ),
}


#: The same by name.
BY_NAME = {command.name: command for commands in COMMANDS.values() for command in commands}
