"""An OEM in XML (CCSDS 505.0-B) as the key-value lines that say the same, with the lines where they stand."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from lightlag.bus.errors import GraphError

_STATE = ("EPOCH", "X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT")
_BLOCKS = {"metadata": "META", "covarianceMatrix": "COVARIANCE"}


def lines_of_xml(path: Path, text: str) -> list[tuple[int, str]]:
    """The lines of the message, as (line in the file, text).

    Raises:
        GraphError: it is not XML, or no OEM, or a state is not complete; with file and line.
    """
    return _Lines(path).read(text)


class _Lines:
    """A parser that writes a line for every element that has a text, and for every state."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._add
        self._lines: list[tuple[int, str]] = []
        self._text = ""
        self._state: dict[str, str] | None = None
        self._depth = 0

    def read(self, text: str) -> list[tuple[int, str]]:
        try:
            self._parser.Parse(text.encode(), True)
        except expat.ExpatError as error:
            raise GraphError(f"{self._path}:{error.lineno}: {expat.ErrorString(error.code)}") from None
        return self._lines

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        self._text = ""
        if not self._depth:
            if name != "oem":
                self._wrong(f"the root element is {name!r}, not 'oem'")
            self._write(f"CCSDS_OEM_VERS = {attributes.get('version', 'missing')}")
        self._depth += 1
        if name in _BLOCKS:
            self._write(f"{_BLOCKS[name]}_START")
        elif name == "stateVector":
            self._state = {}

    def _end(self, name: str) -> None:
        self._depth -= 1
        text, self._text = self._text.strip(), ""
        if name in _BLOCKS:
            self._write(f"{_BLOCKS[name]}_STOP")
        elif name == "stateVector":
            state, self._state = self._state or {}, None
            missing = [key for key in _STATE if key not in state]
            if missing:
                self._wrong(f"this stateVector has no {', no '.join(missing)}")
            self._write(" ".join(state[key] for key in _STATE))
        elif self._state is not None:
            self._state[name] = text
        elif text and name != "COMMENT":
            self._write(f"{name} = {text}")

    def _add(self, data: str) -> None:
        self._text += data

    def _write(self, line: str) -> None:
        self._lines.append((self._parser.CurrentLineNumber, line))

    def _wrong(self, message: str) -> NoReturn:
        raise GraphError(f"{self._path}:{self._parser.CurrentLineNumber}: {message}")
