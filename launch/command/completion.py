"""``lightlag completion``: the script that has a shell complete what is typed, and what answers that script.

The scripts ask ``lightlag __complete WORD...`` for the words that can stand in the place of the last one: a word a
line, and after a tab what it means. Where there are none the shell completes names of files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from .table import BY_NAME

_BASH = """\
_lightlag() {
    local word
    COMPREPLY=()
    while IFS=$'\\t' read -r word _; do
        COMPREPLY+=("$word")
    done < <(lightlag __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _lightlag lightlag
"""
_ZSH = """\
#compdef lightlag
_lightlag() {
    local -a found
    local word help
    while IFS=$'\\t' read -r word help; do
        found+=("${word//:/\\\\:}${help:+:$help}")
    done < <(lightlag __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( $#found )); then _describe -V lightlag found; else _files; fi
}
if [[ $funcstack[1] == _lightlag ]]; then _lightlag "$@"; else compdef _lightlag lightlag; fi
"""
_FISH = """\
function __lightlag
    set -l found (lightlag __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c lightlag -f -a '(__lightlag)'
"""
SCRIPTS = {"bash": _BASH, "fish": _FISH, "zsh": _ZSH}


def _shells(incomplete: str) -> list[str]:
    return [shell for shell in SCRIPTS if shell.startswith(incomplete)]


def completion(
    shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish", help="The shell.", autocompletion=_shells)],
) -> None:
    """Have the shell complete what you type.

    \b
    lightlag completion bash >> ~/.bashrc
    lightlag completion zsh >> ~/.zshrc                 after compinit
    lightlag completion fish > ~/.config/fish/completions/lightlag.fish

    Printed is a script; from then on new shells complete commands and options, graphs, node types, runs and the names
    of their nodes, and bodies and stations.
    """
    if shell not in SCRIPTS:
        raise typer.BadParameter(f"there is no script for {shell!r}; there is one for {', '.join(SCRIPTS)}")
    typer.echo(SCRIPTS[shell], nl=False)


def complete(words: Sequence[str]) -> Iterator[str]:
    """The words that can stand in the place of the last of ``words``, which may be empty, with what each means."""
    *before, incomplete = [word for word in words if word != "="] or [""]  # bash has it apart in --run=runs/latest
    if not before:
        yield from (f"{name}\t{it.does}" for name, it in BY_NAME.items() if name.startswith(incomplete))
        return
    if before[0] not in BY_NAME:
        return
    from typer._completion_classes import BashComplete
    from typer.main import get_command

    from .calling import app_of

    reader = BashComplete(get_command(app_of(before[0])), {}, "lightlag", "")
    for item in reader.get_completions(before, incomplete):
        first_line = " ".join((item.help or "").strip().partition("\n\n")[0].split())
        yield f"{item.value}\t{first_line}".rstrip()
