"""lightlag.js: a node in JavaScript lives in simulated time, in the order of contract 2; the real world is refused."""

from __future__ import annotations

import pytest
from tests.javascript import EXAMPLE
from tests.nodes.foreign.test_running import Pixels, logged, spoken
from tests.nodes.worlds import Scripted, listen, run_to_end, wire

from lightlag.bus.medium import Channel, Wire
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.foreign import let_run

_BEGIN = f"""
import {{ NdArray, message, start }} from "{(EXAMPLE / "lightlag.js").as_uri()}";
const Note = message("test.nodes.note", 1, {{ text: "string" }});
const Pixels = message("test.foreign.pixels", 1, {{ pixels: "array" }});
start([Note, Pixels], async (node) => {{
"""


@pytest.fixture
def in_javascript(javascript, tmp_path):
    """Has the body of a node's main function in JavaScript take the place of its ``run``."""

    def run(node, body):
        (tmp_path / f"{node.name}.mjs").write_text(f"{_BEGIN}{body}\n}});\n")
        let_run(node, ["node", f"{node.name}.mjs"], str(tmp_path))
        return node

    return run


def test_what_a_reception_makes_ready_is_done_before_the_next_and_timers_come_last(in_javascript):
    node = in_javascript(
        Scripted("z"),
        """
        node.sleepUntil(15n).then(() => node.log("first timer"));
        node.sleepUntil(15n).then(() => node.log("second timer"));
        node.on("link", async ({ message }) => {
          node.log(`heard ${message.text}`);
          await null;
          await Promise.resolve();
          node.log(`followed ${message.text}`);
        });
        """,
    )
    done = run_to_end([Scripted("a", spoken(5, 5)), node], [wire("wire", "a", "z")])
    assert logged(done) == [
        (15, text) for text in ("heard a1", "followed a1", "heard a2", "followed a2", "first timer", "second timer")
    ]


def test_sleep_takes_simulated_time_and_nothing_of_the_machines(in_javascript):
    node = in_javascript(Scripted("z"), "await node.sleep(86400 * 365.25 * 100); node.log(String(node.nowNs));")
    century_ns = 3_155_760_000 * NS_PER_S
    assert logged(run_to_end([node], [], until_ns=century_ns + 1)) == [(century_ns, str(century_ns))]


def test_messages_arrays_files_and_relays_go_both_ways(in_javascript):
    relay = in_javascript(
        Scripted("m"),
        """
        node.on("link", (reception) => node.relay("side", reception));
        const pixels = new NdArray("<u2", [2, 2], Uint16Array.of(1, 2, 3, 4));
        node.send("side", Pixels, { pixels });
        node.publish("map.txt", Buffer.from("1 2"), { of: node.name });
        """,
    )
    far = Channel("far", Wire(10), {"m": "side", "z": "link"})
    reader = in_javascript(
        Scripted("z"),
        """
        node.on("link", ({ type, message, source, origin, via, sentNs }) => {
          const said = type === Note.type ? message.text : [...message.pixels.values].join("");
          node.log(`${said} from ${origin[0]} via ${via.join()}, by ${source} at ${sentNs}`);
        });
        """,
    )
    python = Scripted("p", listen_to_pixels)
    far.members["p"] = "link"
    done = run_to_end([Scripted("a", spoken(5)), relay, reader, python], [wire("near", "a", "m"), far])
    assert logged(done) == [(10, "1234 from m via , by m at 0"), (25, "a1 from a via m, by m at 15")]
    assert python.seen == [[[1, 2], [3, 4]]]
    (product,) = [product for each in done for product in each.products]
    assert (product.name, product.data, product.facts) == ("map.txt", b"1 2", {"of": "m"})


async def listen_to_pixels(node):
    async for reception in node.link.received(Pixels):
        node.seen.append(reception.message.pixels.tolist())


def test_what_it_says_is_a_message_to_nodes_in_python(in_javascript):
    node = in_javascript(Scripted("z"), 'await node.sleep(1e-6); node.send("link", Note, { text: "hi" }, { to: "a" });')
    listener = Scripted("a", listen)
    run_to_end([listener, node], [wire("wire", "a", "z")])
    assert listener.seen == [(1010, "z", "hi")]


def test_chance_is_the_same_in_every_run_and_another_for_every_node(in_javascript):
    draws = "for (let k = 0; k < 3; k++) node.log(String(node.random()));"
    one = logged(run_to_end([in_javascript(Scripted("z"), draws)], []))
    assert logged(run_to_end([in_javascript(Scripted("z"), draws)], [])) == one
    assert logged(run_to_end([in_javascript(Scripted("y"), draws)], []), "y") != one
    assert all(0 <= float(text) < 1 for _, text in one)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("Date.now();", "Date.now is not there in simulated time: read node.nowNs"),
        ("new Date();", "the time of day is not there in simulated time"),
        ("performance.now();", "performance.now is not there"),
        ("Math.random();", "Math.random is not there in simulated time: call node.random()"),
        ("setTimeout(() => {}, 1);", "setTimeout is not there in simulated time: await node.sleep(seconds)"),
        ("await node.sleep(1e-9); null.x;", "TypeError: Cannot read properties of null"),
        ('node.on("lnik", () => {});', "z has no port lnik; it has link,side"),
        ('node.send("link", Note, { word: "hi" });', "test.nodes.note@1 has no text: text"),
        ("Promise.reject(new Error('nobody caught this'));", "nobody caught this"),
        ("process.exit(4);", "ended by itself, with exit code 4"),
        ("process.stdout.write('here');", "which is for frames alone"),
    ],
)
def test_what_goes_wrong_fails_the_node_with_its_place(in_javascript, body, told):
    failure = run_to_end([in_javascript(Scripted("z"), body)], [])[0].failure
    assert failure is not None
    assert told in failure.traceback
    assert "z.mjs" in failure.traceback


def test_what_it_prints_is_in_its_log(in_javascript):
    done = run_to_end([in_javascript(Scripted("z"), 'console.log("one", 2); console.error("three");')], [])
    assert logged(done) == [(0, "one 2"), (0, "three")]
