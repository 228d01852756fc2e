"""What a node says when it is replayed, against its account: emission by emission, line by line, file by file.

``FirstDifference`` finds the first that is not as recorded, at the instant at which it shows, and what has to do with
it; ``AllDifferences`` keeps what was said, and compares at the end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightlag.bus.activation import LogRecord, Product
from lightlag.bus.part import log_json
from lightlag.bus.time import NEVER_NS
from lightlag.launch.look.account import Account, Noted, Said
from lightlag.launch.look.alignment import aligned, differing, paired

#: So many emissions in a row may have been left out, and it is found out.
_MOST_LEFT_OUT = 100


@dataclass(slots=True)
class Difference:
    """Something that is not in the replay what it is in the record; None where there is nothing."""

    t_ns: int
    #: ``emission 17``, ``line 3 of its log``, ``file mro-page.txt``, ``failure``.
    what: str
    record: Mapping[str, Any] | None
    replay: Mapping[str, Any] | None
    #: What it may have come from.
    note: str = ""


@dataclass(slots=True)
class Counts:
    """How much a replay has compared, and what it could not."""

    given: int = 0
    from_outside: int = 0
    #: The same in both: emissions, of them those nobody received, whose messages are not recorded; lines; files.
    emissions: int = 0
    by_header: int = 0
    lines: int = 0
    files: int = 0
    #: Emissions that nobody else could hear, and those that nobody had heard when the record ends.
    unheard: int = 0
    beyond: int = 0


class Files:
    """The files that a node published, as they lie in the run directory."""

    def __init__(self, folder: Path, node: str, others: Iterable[str]) -> None:
        self._folder = folder
        self._node = node
        self._others = tuple(f"{other}-" for other in others if other.startswith(f"{node}-"))
        self._numbers: dict[str, int] = {}
        self._met: dict[str, None] = {}

    @property
    def are_there(self) -> bool:
        """Whether there is a folder for them."""
        return self._folder.is_dir()

    def sides(self, product: Product) -> tuple[str, dict[str, Any] | None, dict[str, Any]]:
        """Name of the file that a product became, what is recorded of it, and the same of the product."""
        plain = Path(f"{self._node}-{product.name}")
        number = self._numbers[plain.name] = self._numbers.get(plain.name, 0) + 1
        name = plain.name if number == 1 else f"{plain.stem}-{number}{plain.suffix}"
        self._met[name] = None
        file = self._folder / name
        return name, _of_file(file.read_bytes()) if file.is_file() else None, _of_file(product.data)

    def left(self) -> list[str]:
        """The files of the node that were not published again."""
        if not self.are_there:
            return []
        names = sorted(file.name for file in self._folder.iterdir())
        mine = [name for name in names if name.startswith(f"{self._node}-") and not name.startswith(self._others)]
        return [name for name in mine if name not in self._met]


def _of_file(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


class FirstDifference:
    """Listens to a node until it does what is not recorded; ``found`` is called then, in the node's own stack.

    Where the emission after that would tell more, it listens on, and calls ``enough``.
    """

    def __init__(
        self, account: Account, files: Files, found: Callable[[Difference], None], enough: Callable[[], None]
    ) -> None:
        self.counts = Counts()
        self.first: Difference | None = None
        #: Until when (ns) the next emission would tell what the difference comes from; 0: it would not.
        self.curious_until_ns = 0
        self._account = account
        self._files = files
        self._found = found
        self._enough = enough
        self._number = 0
        self._ended = False
        #: The emission that differs: as recorded, and as made.
        self._record: Said | None = None
        self._made: Said | None = None
        self._due = sorted(account.said.values(), key=lambda said: (said.sent_ns, said.seq), reverse=True)

    # -- Listener -----------------------------------------------------------------------------------------------

    def said(self, said: Said, message: bytes) -> None:
        """Compare an emission with that of its number; one that nobody could hear is not in the record."""
        if self.first is not None:
            self._explain(said, message)
            return
        self._number = said.seq
        record = self._account.said.get(said.seq)
        if record is None:
            if not said.ends:
                self.counts.unheard += 1
            elif not self._account.is_whole:
                self.counts.beyond += 1
            else:
                self._differ(None, said, message)
            return
        likened = self._account.likened(record, said)
        if differing(record, likened):
            self._differ(record, likened, message)
            return
        self.counts.emissions += 1
        self.counts.by_header += not record.message

    def noted(self, record: LogRecord) -> None:
        """Compare a line of the log with that in its place."""
        if self.first is not None:
            return
        number, line = self.counts.lines, log_json(record)
        lines = self._account.noted
        if number >= len(lines):
            if self._account.is_whole:
                self._tell(record.t_ns, f"line {number + 1} of its log", None, json.loads(line))
        elif lines[number].line != line:
            was = lines[number]
            t_ns = min(record.t_ns, was.t_ns)
            self._tell(t_ns, f"line {number + 1} of its log", json.loads(was.line), json.loads(line))
        else:
            self.counts.lines += 1

    def published(self, product: Product) -> None:
        """Compare a file with that of its name."""
        if self.first is not None or not self._files.are_there:
            return
        name, recorded, made = self._files.sides(product)
        if recorded == made:
            self.counts.files += 1
        elif recorded is not None or self._account.is_whole:
            self._tell(product.t_ns, f"file {name}", recorded, made)

    # -- what does not come -------------------------------------------------------------------------------------

    @property
    def due_ns(self) -> int:
        """When the next of what is recorded has to have come."""
        if self.first is not None:
            return NEVER_NS
        while self._due and self._due[-1].seq <= self._number:
            self._due.pop()
        return min(self._due[-1].sent_ns if self._due else NEVER_NS, self._line_due_ns)

    def over(self, t_ns: int) -> None:
        """Everything before ``t_ns`` has been run: what is recorded before that and has not come is missed."""
        if self.first is not None or self.due_ns >= t_ns:
            return
        if self._due and self._due[-1].sent_ns <= self._line_due_ns:
            self._differ(self._due[-1], None, b"")
        else:
            line = self._account.noted[self.counts.lines]
            self._tell(line.t_ns, f"line {self.counts.lines + 1} of its log", json.loads(line.line), None)

    def ended(self, t_ns: int) -> None:
        """The run is over, and everything is recorded."""
        self._ended = True
        self.over(NEVER_NS)
        if self.first is None and (left := self._files.left()):
            self._tell(t_ns, f"file {left[0]}", {"file": left[0]}, None)

    def failed(self, t_ns: int, record: str | None, replay: str | None) -> None:
        """The node has raised where it had not, or not where it had; of both the traceback.

        What it noted or sent on its way out is not what matters then.
        """
        if self.first is None or self.first.t_ns == t_ns:
            self._tell(t_ns, "failure", _raised(record), _raised(replay))

    @property
    def _line_due_ns(self) -> int:
        """When the next line has to have come. What a node notes when it is ended is dated by its last deed."""
        lines, number = self._account.noted, self.counts.lines
        t_ns = lines[number].t_ns if number < len(lines) else NEVER_NS
        return t_ns if self._ended or t_ns < self._account.reached_ns else NEVER_NS

    # -- what differs -------------------------------------------------------------------------------------------

    def _differ(self, record: Said | None, made: Said | None, message: bytes) -> None:
        self._record, self._made = record, made
        either = [it for it in (record, made) if it is not None]
        t_ns = min(it.sent_ns for it in either)
        told = record.told(self._account.message(record.seq)) if record else None
        note = ""
        if made is None:
            self.curious_until_ns = NEVER_NS
        elif record is not None:
            note = self._left_out(record, made)
            if not note and made.sent_ns <= record.sent_ns:
                self.curious_until_ns = record.sent_ns + 1
        self._tell(t_ns, f"emission {either[0].seq}", told, made.told(_read(message)) if made else None, note)

    def _explain(self, said: Said, message: bytes) -> None:
        """The emission after the first difference: it may be the one that was expected, later or moved."""
        record, first = self._record, self.first
        if first is None or record is None or not self.curious_until_ns:
            return
        self.curious_until_ns = 0
        self._enough()
        if self._made is not None:
            if self._is_again(record, said):
                first.note = "what comes next is what the record has here: there is one emission more"
        elif note := self._left_out(record, said):
            first.note = f"what comes next: {note}"
        else:
            first.replay = self._account.likened(record, said).told(_read(message))

    def _left_out(self, record: Said, made: Said) -> str:
        """What there is to say if an emission comes in the place of one recorded before it; empty if it does not."""
        for seq in range(record.seq + 1, record.seq + _MOST_LEFT_OUT):
            if (later := self._account.said.get(seq)) is not None and self._is_again(later, made):
                count = seq - record.seq
                return (
                    f"it is what the record has as emission {seq}: {count} {'was' if count == 1 else 'were'} left out"
                )
        return ""

    def _is_again(self, record: Said, made: Said) -> bool:
        """Whether an emission is one of the record, but for its number."""
        return record.sent_ns == made.sent_ns and not differing(
            record, self._account.likened(record, made), numbered=False
        )

    def _tell(
        self,
        t_ns: int,
        what: str,
        record: Mapping[str, Any] | None,
        replay: Mapping[str, Any] | None,
        note: str = "",
    ) -> None:
        self.first = Difference(t_ns, what, record, replay, note)
        self._found(self.first)


def _read(message: bytes) -> Any:
    return json.loads(message) if message else None


def _raised(traceback: str | None) -> dict[str, Any] | None:
    return None if traceback is None else {"raised": traceback}


class AllDifferences:
    """Listens to a node to the end, and compares then: numbers and places in a log may differ."""

    #: It waits for nothing.
    due_ns = NEVER_NS

    def __init__(self, account: Account, files: Files) -> None:
        self.counts = Counts()
        self._account = account
        self._files = files
        self._made: list[Said] = []
        self._lines: list[Noted] = []
        self._others: list[Difference] = []

    # -- Listener -----------------------------------------------------------------------------------------------

    def said(self, said: Said, message: bytes) -> None:
        """Keep an emission that somebody can hear."""
        if said.ends:
            self._made.append(said)
        else:
            self.counts.unheard += 1

    def noted(self, record: LogRecord) -> None:
        """Keep a line of the log."""
        self._lines.append(Noted(record.t_ns, log_json(record)))

    def published(self, product: Product) -> None:
        """Compare a file with that of its name."""
        if not self._files.are_there:
            return
        name, recorded, made = self._files.sides(product)
        if recorded == made:
            self.counts.files += 1
        elif recorded is not None or self._account.is_whole:
            self._others.append(Difference(product.t_ns, f"file {name}", recorded, made))

    def over(self, t_ns: int) -> None:
        """Nothing is missed before the end."""

    def ended(self, t_ns: int) -> None:
        """The run is over: what files there are more in the record."""
        self._others += [Difference(t_ns, f"file {name}", {"file": name}, None) for name in self._files.left()]

    def failed(self, t_ns: int, record: str | None, replay: str | None) -> None:
        """The node has raised where it had not, or not where it had; of both the traceback."""
        self._others.append(Difference(t_ns, "failure", _raised(record), _raised(replay)))

    # -- at the end ---------------------------------------------------------------------------------------------

    def differences(self, before_ns: int) -> list[Difference]:
        """All of them, by time; of what is recorded, that before ``before_ns`` is compared."""
        found = [*self._of_emissions(before_ns), *self._of_lines(before_ns), *self._others]
        return sorted(found, key=lambda difference: difference.t_ns)

    def _of_emissions(self, before_ns: int) -> Iterator[Difference]:
        recorded = [said for said in self._account.said.values() if said.sent_ns < before_ns]
        for record, made in aligned(recorded, self._made):
            if record is None:
                assert made is not None
                if self._account.is_whole:
                    yield Difference(made.sent_ns, f"emission {made.seq}", None, made.told(None))
                else:
                    self.counts.beyond += 1
            elif made is None:
                yield Difference(record.sent_ns, f"emission {record.seq}", record.told(None), None)
            else:
                likened = self._account.likened(record, made)
                if names := differing(record, likened, numbered=False):
                    t_ns = min(record.sent_ns, made.sent_ns)
                    sides = record.told(None), likened.told(None)
                    yield Difference(t_ns, f"emission {record.seq}", *sides, note=", ".join(names))
                else:
                    self.counts.emissions += 1
                    self.counts.by_header += not record.message

    def _of_lines(self, before_ns: int) -> Iterator[Difference]:
        recorded = [noted for noted in self._account.noted if noted.t_ns < before_ns]
        keys: list[Callable[[Noted], Any]] = [
            lambda noted: noted,
            lambda noted: noted.t_ns,
            lambda noted: noted.line.partition(b",")[2],  # all but its time
        ]
        for was, now in paired(recorded, self._lines, keys):
            if was == now:
                self.counts.lines += 1
            elif (
                now is None and was is not None and was.t_ns == self._account.reached_ns and not self._account.is_whole
            ):
                continue  # what it noted when the run was broken off
            elif was is not None or self._account.is_whole:
                t_ns = min(it.t_ns for it in (was, now) if it is not None)
                sides = [None if it is None else _read(it.line) for it in (was, now)]
                yield Difference(t_ns, "line of its log", sides[0], sides[1])
