"""``lightlag schema``: the JSON Schema of graph files, for editors."""

from __future__ import annotations

import json

import typer

from .teaching import errors_taught


def schema() -> None:
    """Write the JSON Schema of graph files, for editors.

    \b
    lightlag schema > graph.schema.json

    An editor that speaks YAML completes and checks a graph file whose first line is

    \b
    # yaml-language-server: $schema=graph.schema.json

    It knows every node type that is installed. What a schema cannot know (whether a node of that name exists, whether
    a port is on one channel) is said by lightlag validate.
    """
    with errors_taught():
        from lightlag.launch.graph.schema import graph_schema

        typer.echo(json.dumps(graph_schema(), indent=2))
