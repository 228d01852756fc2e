"""The digest: two histories have one digest if, and only if, they are the same."""

from lightlag.bus.digest import DigestChain, run_digest
from lightlag.bus.emission import Emission


def emission(seq=1, body=b"body", arrays=()):
    return Emission("a", seq, "channel", "x@1", 3, body, arrays)


def chain(*items):
    made = DigestChain()
    for kind, *arguments in items:
        getattr(made, kind)(*arguments)
    return made.value()


HISTORIES = {
    "nothing": [],
    "received": [("received", emission(), 5)],
    "received twice": [("received", emission(), 5)] * 2,
    "received later": [("received", emission(), 6)],
    "lost": [("lost", emission(), 5, "occulted")],
    "lost otherwise": [("lost", emission(), 5, "snr")],
    "another number": [("received", emission(2), 5)],
    "another body": [("received", emission(body=b"bodY"), 5)],
    "with a frame": [("received", emission(arrays=(b"ab",)), 5)],
    "with the frame in two": [("received", emission(arrays=(b"a", b"b")), 5)],
    "with another frame": [("received", emission(arrays=(b"ac",)), 5)],
    "one, two": [("received", emission(1), 5), ("received", emission(2), 5)],
    "two, one": [("received", emission(2), 5), ("received", emission(1), 5)],
}


def test_no_two_different_histories_have_one_digest():
    values = {name: chain(*items) for name, items in HISTORIES.items()}
    assert len(set(values.values())) == len(HISTORIES)
    assert {len(value) for value in values.values()} == {32}


def test_the_same_history_has_the_same_digest_before_and_after_the_wire():
    sent = emission(arrays=(b"ab", b""))
    carried = Emission.unpack(sent.packed, [memoryview(bytearray(array)) for array in sent.arrays])
    assert chain(("received", sent, 5)) == chain(("received", carried, 5))


def test_a_chain_can_be_read_at_any_time_and_goes_on():
    made = DigestChain()
    made.received(emission(1), 5)
    assert made.value() == made.value() == chain(("received", emission(1), 5))
    made.lost(emission(2), 6, "snr")
    assert made.value() == chain(("received", emission(1), 5), ("lost", emission(2), 6, "snr"))


def test_the_digest_of_a_run_does_not_depend_on_the_order_of_its_hosts():
    first, second = chain(*HISTORIES["lost"]), chain(*HISTORIES["received"])
    assert run_digest({"a": first, "b": second}) == run_digest({"b": second, "a": first})
    assert run_digest({"a": first, "b": second}) != run_digest({"a": second, "b": first})
    assert run_digest({"ab": first}) != run_digest({"a": first})


def test_the_digest_is_fixed_for_ever():
    # Recorded digests stay comparable only while these bytes stay what they are.
    received = "239a20097d503d5c232a9f5f5a1aeaababba821fd65fc5fa978c666facf9333c"
    lost = "1bbf599e914194d20fef202b22b4d2370ccd894d700282dc549f59f9bec7b2db"
    assert [chain(*HISTORIES[name]).hex() for name in ("received", "lost")] == [received, lost]
