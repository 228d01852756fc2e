"""What stands beside attributes in the source, for the pages of Python: ``#:`` comments, and descriptions of fields."""

from __future__ import annotations

import re
from typing import Any

import griffe

_DESCRIPTION = re.compile(r'description="(?P<said>(?:[^"\\]|\\.)*)"')


class Comments(griffe.Extension):
    """Makes a docstring of the comment above an attribute, or of what its pydantic field says it is."""

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """Called by griffe for every attribute that it has read."""
        if attr.docstring is not None or attr.lineno is None or attr.endlineno is None or attr.is_alias:
            return
        lines = attr.lines_collection[attr.filepath]
        said: list[str] = []
        above = attr.lineno - 2
        while above >= 0 and lines[above].strip().startswith("#:"):
            said.insert(0, lines[above].strip().removeprefix("#:").strip())
            above -= 1
        described = _DESCRIPTION.search("\n".join(lines[attr.lineno - 1 : attr.endlineno]))
        text = " ".join(said) or (described["said"] if described else "")
        if text:
            attr.docstring = griffe.Docstring(text[0].upper() + text[1:], parent=attr)
