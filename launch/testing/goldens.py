"""A test's golden file: a run is compared with it, or it is brought up to date, and what changes is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from lightlag.launch.look.golden import changes, compare, departures_text, extract, read, write


class Golden(NamedTuple):
    """Where the golden files of a test are, and whether they are to be written."""

    folder: Path = Path()
    update: bool = False

    def check(self, name: Path | str, run_dir: Path) -> str:
        """What is not as in a golden file; empty if all is, or if the file has been brought up to date."""
        file = self.folder / name
        if not file.exists() and not self.update:
            return f"there is no golden file {file}; to make it: pytest --lightlag-update-golden"
        known: dict[str, Any] = read(file) if file.exists() else {}
        found = extract(run_dir)
        if self.update:
            write(file, found, known)
            changed = changes(found, known) if known else []
            print("\n".join([f"{file} is brought up to date", *departures_text(changed, b="before")]))  # noqa: T201
            return ""
        compared = compare(found, known)
        if not compared.departures:
            return ""
        count = len(compared.departures)
        return "\n".join(
            [
                f"the run is not the golden one in {file}: {count:,} values depart further than is allowed",
                *departures_text(compared.departures),
                "if that is meant: pytest --lightlag-update-golden",
            ]
        )
