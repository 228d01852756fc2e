"""A foreign node in Python: written from docs/wire.md alone, with nothing but msgpack.

``juggle`` passes balls on as ``tests.integration.phold.Juggler`` does, in its own way; every other word on the command
line is a way to go wrong, for the tests of that.
"""

import os
import random
import signal
import struct
import sys
from heapq import heappop, heappush

import msgpack

BALL = "test.phold.ball@1"


def read():
    """The next word of the host; None at the end of standard input."""
    size = sys.stdin.buffer.read(4)
    if len(size) < 4:
        return None
    return msgpack.unpackb(sys.stdin.buffer.read(*struct.unpack(">I", size)))


def write(**word):
    """Answer."""
    packed = msgpack.packb(word)
    sys.stdout.buffer.write(struct.pack(">I", len(packed)) + packed)
    sys.stdout.buffer.flush()


class Juggler:
    """Passes each ball on after a while of its own choosing."""

    def __init__(self, hello):
        self.friends = hello["params"]["friends"]
        self.balls = hello["params"]["balls"]
        self.random = random.Random(hello["node_seed"])
        self.waiting = []
        self.count = 0

    def take(self, t_ns, passes):
        """A ball has come."""
        self.count += 1
        heappush(self.waiting, (t_ns + 1 + int(self.random.expovariate(1.0) * 1e9), self.count, passes))

    def act(self, word):
        """What it does in an instant."""
        t_ns = word["t_ns"]
        for _ in range(self.balls):
            self.take(t_ns, 1)
        self.balls = 0
        for reception in word["receptions"]:
            (passes,) = msgpack.unpackb(reception["body"])
            self.take(t_ns, passes + 1)
        said = []
        while self.waiting and self.waiting[0][0] <= t_ns:
            _, _, passes = heappop(self.waiting)
            body = msgpack.packb([passes])
            said.append({"port": "air", "type": BALL, "body": body, "to": self.random.choice(self.friends)})
        return {"emissions": said, "next_ns": self.waiting[0][0] if self.waiting else None}


class Listener:
    """Sends back what it hears, and tells of it; wakes every second."""

    def __init__(self, hello):
        self.hello = hello

    def act(self, word):
        """What it does in an instant."""
        heard = [(it["port"], it["source"], it["seq"], msgpack.unpackb(it["body"])[0]) for it in word["receptions"]]
        text = " ".join(f"{source}:{seq}={said}" for _, source, seq, said in heard)
        echoes = [
            {"port": it["port"], "type": it["type"], "body": it["body"], "to": it["source"]}
            for it in word["receptions"]
        ]
        return {
            "emissions": echoes,
            "logs": [{"text": text or "woken", "fields": {"due": word["due"], "queued": word["queued"]}}],
            "next_ns": word["t_ns"] + 1_000_000_000,
        }


class Sender:
    """Sends in one of several ways, and tells what it was told."""

    def __init__(self, how):
        self.how = how

    def act(self, word):
        """What it does in an instant."""
        heard = word["receptions"]
        if self.how == "echo-radio":
            said = [{"port": "uhf", "type": it["type"], "body": it["body"], "priority": 1} for it in heard]
            return {"emissions": said, "logs": [{"text": "", "fields": {"queued": word["queued"]}}]}
        if self.how == "relay":
            keys = ("type", "body", "arrays", "origin")
            said = [{"port": "side", "via": [*it["via"], "m"], **{key: it[key] for key in keys}} for it in heard]
            return {"emissions": said}
        if self.how == "camera":
            pixels = msgpack.ExtType(1, msgpack.packb(["<u2", [2], 0]))
            picture = {"type": "test.foreign.pixels@1", "body": msgpack.packb([pixels]), "arrays": [b"\1\0\2\0"]}
            file = {"name": "map.txt", "data": b"1 2", "facts": {"name": "the map"}}
            return {"emissions": [{"port": "link", **picture}], "files": [file]}
        rate_bps = word["params"]["uhf"]["rate_bps"] if "params" in word else None
        log = {"text": "", "fields": {"changed": rate_bps}}
        return {"logs": [log], "next_ns": word["t_ns"] + 1000 if word["t_ns"] < 2000 else None}


def misbehave(how, word):
    """What it does in its second instant."""
    if how == "exit":
        sys.stderr.write("Traceback of a kind\nBeaconError: no more\n")
        sys.exit(3)
    if how == "leave":
        sys.exit(0)
    if how == "sigkill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "abort":
        os.kill(os.getpid(), signal.SIGABRT)
    if how == "print":
        os.write(1, b"I am here\n")
    if how == "hang":
        sys.stderr.write("waiting for a sign\n")
        sys.stderr.flush()
        signal.pause()
    if how == "flood":
        while True:
            sys.stderr.write("la " * 1000)
    if how == "close":
        os.close(1)
        signal.pause()
    if how == "twice":
        write(kind="done", t_ns=word["t_ns"])
    if how == "no-msgpack":
        os.write(1, struct.pack(">I", 3) + b"\xc1\xc1\xc1")
        return None
    if how == "a-list":
        os.write(1, struct.pack(">I", 1) + b"\x90")
        return None
    empty = {"port": "link", "type": "test.x@1", "body": b"\x90"}
    wrong = {
        "ready-again": {"kind": "ready", "protocol": 1},
        "past": {"kind": "done", "next_ns": word["t_ns"]},
        "misspelt": {"kind": "done", "emisions": []},
        "no-type": {"kind": "done", "emissions": [{"port": "link", "body": b"\x90"}]},
        "bad-type": {"kind": "done", "emissions": [{"port": "link", "type": "note", "body": b"\x90"}]},
        "no-port": {"kind": "done", "emissions": [{"port": "lnik", "type": "test.x@1", "body": b"\x90"}]},
        "no-body": {"kind": "done", "emissions": [{"port": "link", "type": "test.x@1", "body": b"\x05"}]},
        "bad-body": {
            "kind": "done",
            "emissions": [{"port": "link", "type": "test.nodes.note@1", "body": msgpack.packb([5])}],
        },
        "priority": {"kind": "done", "emissions": [{**empty, "priority": 1}]},
        "to-nobody": {"kind": "done", "emissions": [{**empty, "to": "bob"}]},
        "bad-file": {"kind": "done", "files": [{"name": "../x", "data": b""}]},
        "after-radio": {"kind": "done", "emissions": [{**empty, "port": "uhf", "after_ns": 1}]},
        "error": {"kind": "done", "logs": [{"text": "oh"}], "error": "TypeError: undefined is not a function\n  at x"},
    }
    if how in wrong:
        write(t_ns=word["t_ns"], **wrong[how])
        return None
    return {"emissions": [], "next_ns": None}


def main():
    """Talk to the host until it says bye."""
    how = sys.argv[1]
    hello = read()
    if how == "mute":
        signal.pause()
    node = {"juggle": Juggler, "listen": Listener}.get(how, lambda _: Sender(how))(hello)
    types = {"test.foreign.pid@1": {"properties": {"pid": {"type": "integer"}}}}
    if how == "wrong-types":
        types = {"test.nodes.note@1": {"properties": {"word": {"type": "string"}}}}
    if how == "no-types":
        types = {"test.x@1": {}}
    if how == "types" and os.path.exists(sys.argv[2]):
        types = {}
    write(kind="ready", protocol=2 if how == "protocol" else 1, types=types)
    instants = 0
    while (word := read()) is not None and word["kind"] == "activate":
        instants += 1
        if how in ("juggle", "listen", "echo-radio", "relay", "camera", "params"):
            done = node.act(word)
        elif how == "pid":  # another one each time that it is started
            body = msgpack.packb([os.getpid()])
            done = {
                "emissions": [{"port": "link", "type": "test.foreign.pid@1", "body": body}],
                "next_ns": word["t_ns"] + 1000,
            }
        elif how in ("more", "less", "later", "types"):  # what it does depends on what was left in a file
            left = os.path.exists(sys.argv[2])
            count = {"more": 1 + left, "less": 2 - left}.get(how, 0)
            said = [{"port": "link", "type": "test.x@1", "body": b"\x90"}] * count
            done = {"emissions": said, "next_ns": word["t_ns"] + 1 + (how == "later" and left)}
            with open(sys.argv[2], "w"):
                pass
        elif how == "stay":
            done = {"logs": [{"text": "", "fields": {"pid": os.getpid()}}]}
        elif how == "stderr":
            sys.stderr.write(f"instant {instants}\nhalf a line")
            sys.stderr.flush()
            done = {"next_ns": word["t_ns"] + 1000 if instants < 3 else None}
        else:
            done = misbehave(how, word) if instants == 2 else {"next_ns": word["t_ns"] + 1000}
        if done is not None:
            write(kind="done", t_ns=word["t_ns"], **done)
    if how == "stay":
        signal.pause()


if __name__ == "__main__":
    main()
