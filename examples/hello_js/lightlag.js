// A node of lightlag in JavaScript: what a program says to its host, and hears from it, over standard input and output.
//
// The protocol is in docs/wire.md, under "A program and its host". A program knows simulated time alone: what asks for
// the machine's clock, its randomness or its timers is refused. Times are BigInt, nanoseconds of TDB since the epoch:
// a Number counts them exactly for 104 days only.

import { decode, encode, ExtensionCodec } from "@msgpack/msgpack";

const VERSION = 1;
const ARRAY_EXT = 1;
const NS_PER_S = 1e9;
const ARRAYS = {
  "|b1": Uint8Array, "|u1": Uint8Array, "|i1": Int8Array, "<u2": Uint16Array, "<i2": Int16Array,
  "<u4": Uint32Array, "<i4": Int32Array, "<u8": BigUint64Array, "<i8": BigInt64Array,
  "<f4": Float32Array, "<f8": Float64Array,
};
const BASE64 = { type: "string", contentEncoding: "base64" };
// What a field may be, as JSON Schema; and in JavaScript: where a Number will not do, a field is declared as bigint.
const KINDS = {
  string: { type: "string" }, boolean: { type: "boolean" }, number: { type: "number" }, integer: { type: "integer" },
  bigint: { type: "integer" }, bytes: BASE64, array: { type: "object", contentEncoding: "base64" },
};
const READ = { integer: Number, number: Number, bigint: BigInt };
const WRITE = { integer: whole, number: Number, bigint: whole };

/** An integer as msgpack writes it shortest: a Number where 32 bits do, else a BigInt. */
function whole(value) {
  const exact = BigInt(value);
  return BigInt.asIntN(32, exact) === exact || BigInt.asUintN(32, exact) === exact ? Number(exact) : exact;
}

/** An array of numbers in a message: dtype as NumPy writes it ("<f8"), shape, and a typed array of its elements. */
export class NdArray {
  constructor(dtype, shape, values) {
    Object.assign(this, { dtype, shape, values });
  }
}

const extensions = new ExtensionCodec();
extensions.register({
  type: ARRAY_EXT,
  encode(value, arrays) {
    if (!(value instanceof NdArray)) return null;
    const { buffer, byteOffset, byteLength } = value.values;
    arrays.push(new Uint8Array(buffer, byteOffset, byteLength));
    return encode([value.dtype, value.shape, arrays.length - 1]);
  },
  decode(data, _, arrays) {
    const [dtype, shape, index] = decode(data);
    return new NdArray(dtype, shape, new ARRAYS[dtype](new Uint8Array(arrays[index]).buffer)); // copied, so aligned
  },
});

/** The bytes of a value, and a value of its bytes; arrays of numbers travel beside them. */
export const pack = (value, arrays) => encode(value, { extensionCodec: extensions, context: arrays, useBigInt64: true });
export const unpack = (bytes, arrays) => decode(bytes, { extensionCodec: extensions, context: arrays, useBigInt64: true });

/** A duration (BigInt, ns) in seconds, to the millisecond: for people. */
export const seconds = (ns) => Number((Number(ns) / NS_PER_S).toFixed(3));

/** A word as a frame: its size (32 bit, big-endian), then msgpack. */
export function frame(word) {
  const packed = pack(word, []);
  const whole = Buffer.alloc(4 + packed.length);
  whole.writeUInt32BE(packed.length);
  whole.set(packed, 4);
  return whole;
}

/** The words in bytes, however these come. */
export class Frames {
  #chunks = [];
  #size = 0;
  #wanted = 4;

  *feed(chunk) {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    while (this.#size >= this.#wanted) {
      const data = Buffer.concat(this.#chunks);
      const end = 4 + data.readUInt32BE();
      const ended = data.length >= end;
      if (ended) yield unpack(new Uint8Array(data.buffer, data.byteOffset + 4, end - 4), []);
      this.#chunks = [ended ? data.subarray(end) : data];
      this.#size = this.#chunks[0].length;
      this.#wanted = ended ? 4 : end;
    }
  }
}

/** A message type: its fields in order, each of a kind (see KINDS) or with a JSON Schema of its own. */
export function message(name, version, fields) {
  const names = Object.keys(fields);
  const properties = Object.fromEntries(names.map((field) => [field, KINDS[fields[field]] ?? fields[field]]));
  return {
    type: `${name}@${version}`,
    schema: { properties, required: names },
    toArray(content) {
      for (const field of names) {
        if (content[field] === undefined) throw new TypeError(`${this.type} has no ${field}: ${names.join(", ")}`);
      }
      return names.map((field) => WRITE[fields[field]]?.(content[field]) ?? content[field]);
    },
    toObject: (values) =>
      Object.fromEntries(names.map((field, k) => [field, READ[fields[field]]?.(values[k]) ?? values[k]])),
  };
}

/** Something that the node received. */
class Reception {
  constructor(word, types) {
    const { port, source, seq, channel, type, to, sent_ns, received_ns, body, arrays, via, origin } = word;
    Object.assign(this, { port, source, seq: BigInt(seq), channel, type, to, body, arrays, via });
    this.sentNs = BigInt(sent_ns);
    this.receivedNs = BigInt(received_ns);
    this.origin = [origin[0], BigInt(origin[1]), BigInt(origin[2])];
    this.types = types;
  }

  /** The fields by name if the type was given to start(), else the array of fields. */
  get message() {
    const values = unpack(this.body, this.arrays);
    return this.types[this.type]?.toObject(values) ?? values;
  }
}

// After every promise that can be kept now: the end of what an arrival or a timer makes ready.
const immediately = setImmediate;
const settled = () => new Promise((resolve) => immediately(resolve));

class Node {
  #main;
  #types;
  #handlers = {};
  #waiting = [];
  #count = 0;
  #state;
  #done = {};

  constructor(types, main) {
    this.#types = types;
    this.#main = main;
  }

  /** Call handler with each reception on a port. */
  on(port, handler) {
    if (!(port in this.ports)) throw new Error(`${this.name} has no port ${port}; it has ${Object.keys(this.ports)}`);
    (this.#handlers[port] ??= []).push(handler);
  }

  /** Send a message of a type, to all members of the port's channel or to one. Of radios: priority, higher first. */
  send(port, kind, content, { to, afterNs, priority } = {}) {
    const arrays = [];
    const body = pack(kind.toArray(content), arrays);
    this.#emit({ port, type: kind.type, body, arrays }, to, afterNs, priority);
  }

  /** Send what was received, unchanged; its origin is kept, and this node is added to its via. */
  relay(port, { type, body, arrays, via, origin }, { to, afterNs, priority } = {}) {
    this.#emit({ port, type, body, arrays, via: [...via, this.name], origin }, to, afterNs, priority);
  }

  /** Sleep for simulated seconds. */
  sleep(seconds) {
    return this.sleepUntil(this.nowNs + BigInt(Math.round(seconds * NS_PER_S)));
  }

  /** Sleep until an instant (BigInt, ns); one that has passed means now. */
  sleepUntil(tNs) {
    if (tNs <= this.nowNs) return Promise.resolve();
    return new Promise((wake) => {
      this.#waiting.push({ tNs, count: this.#count++, wake });
      this.#waiting.sort((a, b) => (a.tNs === b.tNs ? a.count - b.count : a.tNs < b.tNs ? -1 : 1));
    });
  }

  /** Write a line into the node's log. */
  log(text, fields = {}, level = "info") {
    this.#done.logs.push({ text, level, fields });
  }

  /** Write a file into the run directory; facts are kept beside it. */
  publish(name, data, facts = {}) {
    this.#done.files.push({ name, data, facts });
  }

  /** A number from 0 to 1, drawn by the node's own seed: sfc32 of Chris Doty-Humphrey's PractRand. */
  random() {
    const s = this.#state;
    const drawn = (s[0] + s[1] + s[3]) | 0;
    s[3] = (s[3] + 1) | 0;
    s[0] = s[1] ^ (s[1] >>> 9);
    s[1] = (s[2] + (s[2] << 3)) | 0;
    s[2] = (((s[2] << 21) | (s[2] >>> 11)) + drawn) | 0;
    return (drawn >>> 0) / 2 ** 32;
  }

  /** The answer to a word of the host. */
  async answer(word) {
    if (word.kind === "hello") {
      if (word.protocol !== VERSION) throw new Error(`the host speaks version ${word.protocol}, this is ${VERSION}`);
      this.name = word.name;
      this.params = word.params;
      this.ports = word.ports;
      this.epoch = word.epoch;
      this.untilNs = BigInt(word.until_ns);
      this.seed = BigInt(word.seed);
      this.#state = [0, 4, 8, 12].map((at) => new DataView(word.node_seed.buffer, word.node_seed.byteOffset).getInt32(at));
      const schemas = Object.values(this.#types).map(({ type, schema }) => [type, schema]);
      return { kind: "ready", protocol: VERSION, types: Object.fromEntries(schemas) };
    }
    this.#done = { kind: "done", t_ns: word.t_ns, emissions: [], logs: [], files: [], next_ns: null };
    this.nowNs = BigInt(word.t_ns);
    this.params = word.params ?? this.params;
    this.queued = word.queued;
    const main = this.#main;
    this.#main = undefined;
    if (main !== undefined) await this.#follow(() => main(this));
    for (const each of word.receptions) {
      const reception = new Reception(each, this.#types);
      for (const handler of this.#handlers[each.port] ?? []) await this.#follow(() => handler(reception));
    }
    while (this.#waiting.length > 0 && this.#waiting[0].tNs <= this.nowNs) await this.#follow(this.#waiting.shift().wake);
    this.#done.next_ns = this.#waiting[0]?.tNs ?? null;
    return this.#done;
  }

  /** The node cannot go on. */
  fail(error) {
    this.#done.error ??= error?.stack ?? String(error);
  }

  #emit(emission, to = null, afterNs = 0, priority = 0) {
    this.#done.emissions.push({ ...emission, to, after_ns: whole(afterNs), priority });
  }

  /** Do something, and all that it makes ready. */
  async #follow(act) {
    Promise.resolve().then(act).catch((error) => this.fail(error));
    await settled();
  }
}

/** Be a node: main(node) is called when it joins the run; types are those that it sends or reads. */
export function start(types, main) {
  const node = new Node(Object.fromEntries(types.map((each) => [each.type, each])), main);
  const frames = new Frames();
  let said = Promise.resolve();
  process.on("uncaughtException", (error) => node.fail(error));
  process.stdin.on("end", () => process.exit());
  process.stdin.on("data", (chunk) => {
    for (const word of frames.feed(chunk)) {
      if (word.kind === "bye") process.exit();
      said = said.then(() => node.answer(word)).then((answer) => process.stdout.write(frame(answer))).catch(giveUp);
    }
  });
  refuseTheRealWorld();
}

function giveUp(error) {
  console.error(error);
  process.exit(1);
}

function refuseTheRealWorld() {
  const refuse = (what, instead) => () => {
    throw new Error(`${what} is not there in simulated time: ${instead}`);
  };
  const timers = "await node.sleep(seconds) or node.sleepUntil(tNs)";
  const clock = "read node.nowNs";
  for (const name of ["setTimeout", "setInterval", "setImmediate"]) globalThis[name] = refuse(name, timers);
  Math.random = refuse("Math.random", "call node.random()");
  performance.now = refuse("performance.now", clock);
  process.hrtime.bigint = refuse("process.hrtime", clock);
  globalThis.Date = class extends Date {
    constructor(...given) {
      if (given.length === 0) refuse("the time of day", clock)();
      super(...given);
    }

    static now = refuse("Date.now", clock);
  };
  console.log = console.info = console.debug = console.error; // standard output is for frames
}
