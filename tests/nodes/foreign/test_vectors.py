"""docs/wire-vectors.json says what Python reads and writes; ``vectors.test.mjs`` holds JavaScript to the same."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from lightlag.bus.digest import DigestChain, run_digest
from lightlag.bus.emission import Emission, Origin
from lightlag.bus.message import fields_of, message
from lightlag.nodes.foreign.codec import framed, read_done, read_ready

ROOT = Path(__file__).parents[3]


def _value(found: dict[str, Any]) -> Any:
    if "$bytes" in found:
        return bytes.fromhex(found["$bytes"])
    return int(found["$int"]) if "$int" in found else found


VECTORS = json.loads((ROOT / "docs" / "wire-vectors.json").read_text(), object_hook=_value)


@message("vectors.picture", version=2)
class Picture:
    name: str
    taken_ns: int
    gain: float
    dark: bool
    pixels: np.ndarray
    note: str | None


@message("vectors.word")
class Word:
    text: str
    number: int


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=lambda it: it["name"])
def test_a_frame_is_written_and_read_as_it_stands_there(vector):
    assert framed(vector["word"]).hex() == vector["hex"]
    content = bytes.fromhex(vector["hex"])[4:]
    assert msgpack.unpackb(content) == vector["word"]
    if vector["from"] == "program":
        read_ready(content) if vector["word"]["kind"] == "ready" else read_done(content, 7)


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda it: it["type"])
def test_the_body_of_a_message_is_the_array_of_its_fields(vector):
    kind = {"vectors.word@1": Word, "vectors.picture@2": Picture}[vector["type"]]
    fields = [
        np.array(field["$array"]["values"], field["$array"]["dtype"]).reshape(field["$array"]["shape"])
        if isinstance(field, dict)
        else field
        for field in vector["fields"]
    ]
    body, arrays = kind(*fields).encode()
    assert (body.hex(), [array.hex() for array in arrays]) == (vector["body"], vector["arrays"])
    assert len(fields_of(body, arrays)) == len(fields)


@pytest.mark.parametrize("vector", VECTORS["emissions"], ids=lambda it: it["fields"]["source"])
def test_an_emission_is_packed_as_it_stands_there(vector):
    fields = dict(vector["fields"])
    sha256, sizes, origin = fields.pop("sha256"), fields.pop("sizes"), fields.pop("origin")
    arrays = tuple(map(bytes.fromhex, vector["arrays"]))
    made = Emission(
        arrays=arrays, via=tuple(fields.pop("via")), origin=None if origin is None else Origin(*origin), **fields
    )
    assert made.pack().hex() == vector["hex"]
    assert (made.arrays.sha256, [len(array) for array in arrays]) == (sha256, sizes)


def test_the_digest_of_a_run_is_found_from_its_receptions_and_losses():
    chains = {}
    for it in VECTORS["digest"]["chains"]:
        chain = DigestChain()
        for item in it["items"]:
            packed = bytes.fromhex(item["emission"])
            arrays = next(
                [bytes.fromhex(array) for array in other["arrays"]]
                for other in VECTORS["emissions"]
                if other["hex"] == item["emission"]
            )
            emission = Emission.unpack(packed, arrays)
            if item["kind"] == "R":
                chain.received(emission, item["t_ns"])
            else:
                chain.lost(emission, item["t_ns"], item["reason"])
        assert chain.value().hex() == it["sha256"]
        chains[it["node"]] = chain.value()
    assert run_digest(chains) == VECTORS["digest"]["run"]


def test_javascript_reads_and_writes_the_same(javascript):
    beside = Path(sys.executable).parent / "node"
    node = str(beside) if beside.exists() else shutil.which("node")
    ended = subprocess.run(
        [str(node), "--test", str(Path(__file__).with_name("vectors.test.mjs"))],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout
