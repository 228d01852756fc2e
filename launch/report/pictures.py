"""The pictures: each shown once, small enough to look at, with the target marked and enlarged."""

from __future__ import annotations

import base64
import hashlib
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.nodes.picture import crop

from .words import duration, listing, quantity, safe, split_unit

_WIDEST_PX, _CROP_PX = 1600, 224
#: Pictures up to so many pixels wide stand side by side, where there are several; of the second kind each is seen.
_SMALL_PX, _TINY_PX = 1000, 200
_JPEG_QUALITY = 82
#: Larger ones stay files: a page is no place for them, nor is a run's end the time to unpack gigabytes.
_MOST_PIXELS = 60_000_000
_LEFT_OUT = "<p>It cannot be shown here; it is among the files of the run.</p>"
_ENDING, _CROP_ENDING = ".png", "-crop.png"


@dataclass(slots=True)
class _Shot:
    """A picture, and where it was received: node, and ERT as text."""

    file: Path
    name: str
    #: Figures about it, with their unit in the name.
    facts: Mapping[str, Any]
    #: UTC at the spacecraft, if told.
    taken: str
    received: list[tuple[str, str]] = field(default_factory=list)


def pictures(folder: Path, epoch: Epoch, products: Sequence[Mapping[str, Any]]) -> str:
    """A figure for each picture among what nodes published; empty if there is none. Small ones stand side by side."""
    drawn = [_figure(shot, epoch) for shot in _shots(folder, products)]
    large = "".join(figure for figure, width in drawn if width > _SMALL_PX)
    small = [figure for figure, width in drawn if width <= _SMALL_PX]
    return large + (f'<div class="gallery">{"".join(small)}</div>' if len(small) > 1 else "".join(small))


def _shots(folder: Path, products: Sequence[Mapping[str, Any]]) -> list[_Shot]:
    """What to show: the same picture at several stations is one, and the ground's own crops are made anew."""
    names = {product["name"] for product in products}
    shots: dict[tuple[str, str], _Shot] = {}
    for product in products:
        file, name = folder / product["name"], product["name"].removeprefix(f"{product['node']}-")
        is_crop = name.endswith(_CROP_ENDING) and product["name"].replace(_CROP_ENDING, _ENDING) in names
        if is_crop or not name.endswith(_ENDING) or not file.exists():
            continue
        with file.open("rb") as content:
            key = name, hashlib.file_digest(content, "blake2b").hexdigest()
        told = product["facts"]
        shot = _Shot(file, name.removesuffix(_ENDING), told.get("facts", {}), told.get("taken_scet", ""))
        shots.setdefault(key, shot).received.append((product["node"], told.get("complete_ert", "")))
    return list(shots.values())


def _figure(shot: _Shot, epoch: Epoch) -> tuple[str, int]:
    """The figure, and how wide the picture is in pixels."""
    from PIL import Image

    facts = {name: value for name, value in shot.facts.items() if isinstance(value, int | float)}
    size = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is judged here
        try:
            with Image.open(shot.file) as image:
                size = image.size
                small = size[0] * size[1] <= _MOST_PIXELS
                shown = _shown(_pixels(image), facts, shot.name) if small else _LEFT_OUT
        except (OSError, SyntaxError, Image.DecompressionBombError):  # what Pillow raises for a file that is no picture
            shown = _LEFT_OUT
    told = _facts(shot, facts, size, epoch)
    figure = f'<figure class="picture"><h3>{safe(shot.name)}</h3>{shown}<dl class="facts">{told}</dl></figure>'
    return figure, size[0] if size else 0


def _pixels(image: Any) -> Any:
    """Grey or colour of 8 bit; grey of 16 bit is stretched from the darkest to the brightest."""
    import numpy as np

    if not image.mode.startswith("I"):
        return np.asarray(image if image.mode == "L" else image.convert("RGB"))
    pixels = np.asarray(image)
    low, high = int(pixels.min()), int(pixels.max())
    grey = (np.arange(high + 1) - low).clip(0) * 255 // max(1, high - low)
    return grey.astype(np.uint8)[pixels]


def _shown(pixels: Any, facts: Mapping[str, float], name: str) -> str:
    from PIL import Image

    height, width = pixels.shape[:2]
    wide = Image.fromarray(pixels)
    if width > _WIDEST_PX:
        wide = wide.resize(
            (_WIDEST_PX, max(1, round(height * _WIDEST_PX / width))), Image.Resampling.LANCZOS, reducing_gap=2.0
        )
    tiny = width <= _TINY_PX
    frame = _image(wide, "PNG" if tiny else "JPEG", f"{name}, the whole frame", "tiny" if tiny else "")
    if not ("target_column_px" in facts and "target_row_px" in facts and pixels.ndim == 2 and width > 2 * _CROP_PX):
        return f'<div class="frames"><div class="wide">{frame}</div></div>'
    centre = facts["target_column_px"], facts["target_row_px"]
    square = crop(pixels, centre, _CROP_PX)
    left = max(0, min(round(centre[0]) - _CROP_PX // 2, width - _CROP_PX)) / width
    top = max(0, min(round(centre[1]) - _CROP_PX // 2, height - _CROP_PX)) / height
    place = f"left:{left:.3%};top:{top:.3%};width:{_CROP_PX / width:.3%};height:{square.shape[0] / height:.3%}"
    near = _image(Image.fromarray(square), "PNG", f"{name}, the target enlarged")
    return (
        f'<div class="frames" style="--wide:{width / height:.3f}fr"><div class="wide">{frame}'
        f'<span class="box" style="{place}"></span></div><div class="near">{near}</div></div>'
    )


def _image(image: Any, kind: str, alt: str, style: str = "") -> str:
    file = io.BytesIO()
    image.save(file, format=kind, optimize=True, **({"quality": _JPEG_QUALITY} if kind == "JPEG" else {}))
    data = base64.b64encode(file.getvalue()).decode()
    size = f'width="{image.width}" height="{image.height}"' + (f' class="{style}"' if style else "")
    return f'<img alt="{safe(alt)}" {size} src="data:image/{kind.lower()};base64,{data}">'


def _facts(shot: _Shot, facts: Mapping[str, float], size: tuple[int, int] | None, epoch: Epoch) -> str:
    rows = [("size", f"{size[0]:,} × {size[1]:,} pixels")] if size else []
    for name, value in facts.items():
        words, unit = split_unit(name)
        if unit or not name.endswith("_px"):  # which column or row it is says nothing to people
            rows.append((words, quantity(value, unit)))
    if shot.taken:
        rows.append(("taken", f"{shot.taken.replace('T', ' ').removesuffix('Z')} SCET"))
    same = ", pixel for pixel the same" if len(shot.received) > 1 else ""
    received = [f"{node} ({ert[11:-1]} ERT)" if ert else node for node, ert in shot.received]
    rows.append(("complete at", listing(received) + same))
    first = min((ert for _, ert in shot.received if ert), default="")
    if shot.taken and first:
        under_way_s = (epoch.t_ns(first) - epoch.t_ns(shot.taken)) / NS_PER_S
        rows.append(("under way", f"{duration(under_way_s)}, from the shutter to the last piece"))
    return "".join(f"<div><dt>{safe(label)}</dt><dd>{safe(text)}</dd></div>" for label, text in rows)
