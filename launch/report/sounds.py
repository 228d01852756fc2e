"""Sounds that nodes published: each once, to be listened to on the page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .words import listing, safe

_ENDING = ".wav"
#: Larger ones stay files.
_MOST_BYTES = 2_000_000


def sounds(folder: Path, products: Sequence[Mapping[str, Any]]) -> str:
    """A figure for each WAV file among what nodes published, the same at several nodes once; empty if there is none."""
    found: dict[tuple[str, str], tuple[Path, list[Mapping[str, Any]]]] = {}
    for product in products:
        file, name = folder / product["name"], product["name"].removeprefix(f"{product['node']}-")
        if name.endswith(_ENDING) and file.exists() and file.stat().st_size <= _MOST_BYTES:
            key = name.removesuffix(_ENDING), hashlib.blake2b(file.read_bytes()).hexdigest()
            found.setdefault(key, (file, []))[1].append(product)
    figures = "".join(_figure(name, file, received) for (name, _), (file, received) in found.items())
    return f'<div class="gallery">{figures}</div>' if figures else ""


def _figure(name: str, file: Path, received: Sequence[Mapping[str, Any]]) -> str:
    data = base64.b64encode(file.read_bytes()).decode()
    taken = received[0]["facts"].get("taken_scet", "").replace("T", " ").removesuffix("Z")
    at = [f"{it['node']} ({it['facts'].get('complete_ert', '')[11:-1]} ERT)" for it in received]
    rows = [("recorded", f"{taken} SCET")] if taken else []
    told = "".join(f"<div><dt>{label}</dt><dd>{safe(text)}</dd></div>" for label, text in [*rows, ("at", listing(at))])
    player = f'<audio controls preload="metadata" src="data:audio/wav;base64,{data}"></audio>'
    return f'<figure class="picture"><h3>{safe(name)}</h3>{player}<dl class="facts">{told}</dl></figure>'
