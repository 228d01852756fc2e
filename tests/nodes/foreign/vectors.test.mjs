// lightlag.js reads and writes what docs/wire-vectors.json says, and finds its digest.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Frames, NdArray, frame, message, pack, unpack } from "../../../examples/hello_js/lightlag.js";

const vectors = JSON.parse(readFileSync(new URL("../../../docs/wire-vectors.json", import.meta.url)), (_, value) => {
  if (value?.$bytes !== undefined) return Uint8Array.from(Buffer.from(value.$bytes, "hex"));
  return value?.$int !== undefined ? BigInt(value.$int) : value;
});
const bytes = (hex) => Buffer.from(hex, "hex");

for (const { name, hex, word } of vectors.frames) {
  test(`the frame: ${name}`, () => {
    assert.deepEqual([...new Frames().feed(bytes(hex))], [word]);
  });
}

for (const { name, hex, word } of vectors.frames.filter((each) => each.from === "program")) {
  test(`what a program says, byte for byte: ${name}`, () => {
    assert.equal(frame(word).toString("hex"), hex);
  });
}

test("frames are found however their bytes come", () => {
  const whole = Buffer.concat(vectors.frames.map(({ hex }) => bytes(hex)));
  for (const size of [1, 3, 64, whole.length]) {
    const frames = new Frames();
    const found = [];
    for (let at = 0; at < whole.length; at += size) found.push(...frames.feed(whole.subarray(at, at + size)));
    assert.deepEqual(found, vectors.frames.map(({ word }) => word));
  }
});

test("a field that is declared as a bigint is one, however small; an integer is a number", () => {
  const kind = message("test.js.counts", 1, { small: "integer", large: "bigint" });
  assert.deepEqual(kind.toObject([1n, 1]), { small: 1, large: 1n });
  assert.deepEqual(kind.toArray({ small: 5_000_000_000, large: 7n }), [5_000_000_000n, 7]);
  assert.throws(() => kind.toArray({ small: 1 }), /has no large/);
  assert.throws(() => kind.toArray({ small: 1.5, large: 1n }), RangeError);
});

for (const { type, fields, body, arrays } of vectors.messages) {
  test(`a message of type ${type}`, () => {
    const values = fields.map((value) =>
      value?.$array ? new NdArray(value.$array.dtype, value.$array.shape, Float64Array.from(value.$array.values)) : value,
    );
    const frames = [];
    assert.equal(Buffer.from(pack(values, frames)).toString("hex"), body);
    assert.deepEqual(frames.map((each) => Buffer.from(each).toString("hex")), arrays);
    assert.deepEqual(unpack(bytes(body), arrays.map(bytes)), values);
  });
}

test("the digest of a run is found from its receptions and losses", () => {
  const whole = createHash("sha256");
  for (const { node, items, sha256 } of vectors.digest.chains) {
    const chain = createHash("sha256");
    for (const { kind, t_ns, reason, emission } of items) {
      const time = Buffer.alloc(8);
      time.writeBigInt64LE(BigInt(t_ns));
      chain.update(kind).update(time);
      if (kind === "L") chain.update(Buffer.of(reason.length)).update(reason);
      chain.update(bytes(emission));
    }
    const value = chain.digest();
    assert.equal(value.toString("hex"), sha256);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(Buffer.byteLength(node));
    whole.update(size).update(node).update(value);
  }
  assert.equal(whole.digest("hex"), vectors.digest.run);
});
