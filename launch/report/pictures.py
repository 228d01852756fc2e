"""The pictures: each shown once, small enough to look at, with the target marked and enlarged."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightlag.bus.time import NS_PER_S, Epoch
from lightlag.nodes.picture import crop

from .words import duration, listing, quantity, safe, split_unit

_WIDEST_PX, _CROP_PX = 1600, 224
_JPEG_QUALITY = 82
#: Larger ones stay files: a page is no place for them, nor is a run's end the time to unpack gigabytes.
_MOST_PIXELS = 120_000_000
_ENDING, _CROP_ENDING = ".png", "-crop.png"


@dataclass(slots=True)
class _Shot:
    """A picture, and where it was received: node, and ERT as text."""

    file: Path
    name: str
    product: Mapping[str, Any]
    received: list[tuple[str, str]] = field(default_factory=list)


def pictures(folder: Path, epoch: Epoch, products: Sequence[Mapping[str, Any]]) -> str:
    """A figure for each picture among what nodes published; empty if there is none."""
    return "".join(_figure(shot, epoch) for shot in _shots(folder, products))


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
        shot = shots.setdefault(key, _Shot(file, name, product))
        shot.received.append((product["node"], str(product["facts"].get("complete_ert", ""))))
    return list(shots.values())


def _figure(shot: _Shot, epoch: Epoch) -> str:
    from PIL import Image

    facts = shot.product["facts"].get("facts", {})
    name = shot.name.removesuffix(_ENDING)
    with Image.open(shot.file) as image:
        width, height = image.size
        if width * height > _MOST_PIXELS:
            shown = "<p>It has too many pixels for a page; it is in the run directory.</p>"
        else:
            shown = _shown(_pixels(image), facts, name)
    told = _facts(shot, facts, (width, height), epoch)
    return f'<figure class="picture"><h3>{safe(name)}</h3>{shown}<dl class="facts">{told}</dl></figure>'


def _pixels(image: Any) -> Any:
    """Grey or colour of 8 bit; more bits are stretched from the darkest to the brightest."""
    import numpy as np

    pixels = np.asarray(image)
    if pixels.dtype == np.uint8:
        return np.asarray(image.convert("RGB")) if image.mode not in ("L", "RGB") else pixels
    low, high = float(pixels.min()), float(pixels.max())
    return ((pixels - low) * (255.0 / max(1.0, high - low))).astype(np.uint8)


def _shown(pixels: Any, facts: Mapping[str, float], name: str) -> str:
    from PIL import Image

    height, width = pixels.shape[:2]
    wide = Image.fromarray(pixels)
    if width > _WIDEST_PX:
        wide = wide.resize(
            (_WIDEST_PX, max(1, round(height * _WIDEST_PX / width))), Image.Resampling.LANCZOS, reducing_gap=2.0
        )
    frame = _image(wide, "JPEG", f"{name}, the whole frame")
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


def _image(image: Any, kind: str, alt: str) -> str:
    file = io.BytesIO()
    image.save(file, format=kind, optimize=True, **({"quality": _JPEG_QUALITY} if kind == "JPEG" else {}))
    data = base64.b64encode(file.getvalue()).decode()
    size = f'width="{image.width}" height="{image.height}"'
    return f'<img alt="{safe(alt)}" {size} src="data:image/{kind.lower()};base64,{data}">'


def _facts(shot: _Shot, facts: Mapping[str, float], size: tuple[int, int], epoch: Epoch) -> str:
    rows = [("size", f"{size[0]:,} × {size[1]:,} pixels")]
    for name, value in facts.items():
        words, unit = split_unit(name)
        if not name.endswith("_px") or unit:
            rows.append((words, quantity(value, unit)))
    taken = shot.product["facts"].get("taken_scet")
    if taken:
        rows.append(("taken", f"{taken.replace('T', ' ').removesuffix('Z')} SCET"))
    same = ", pixel for pixel the same" if len(shot.received) > 1 else ""
    received = [f"{node} ({ert[11:-1]} ERT)" if ert else node for node, ert in shot.received]
    rows.append(("complete at", listing(received) + same))
    first = min((ert for _, ert in shot.received if ert), default=None)
    if taken and first:
        under_way_s = (epoch.t_ns(first) - epoch.t_ns(taken)) / NS_PER_S
        rows.append(("under way", f"{duration(under_way_s)}, from the shutter to the last piece"))
    return "".join(f"<div><dt>{safe(label)}</dt><dd>{safe(text)}</dd></div>" for label, text in rows)
