"""Contacts: who is in view next, who answers, and what has room in the time that there is."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from tests.nodes.worlds import Note, Transmitter, run_to_end

from lightlag.bus.errors import QueueRefused
from lightlag.bus.medium import Channel, Wire
from lightlag.bus.time import NS_PER_S
from lightlag.nodes.contacts import Contact, Hail, answers, next_contact
from lightlag.nodes.products import Products
from lightlag.nodes.trajectory import Pass

MIN = 60 * NS_PER_S
H = 60 * MIN
DAY = 24 * H


def sky(**views):
    """Surroundings in which others are in view at these times."""

    def passes(target, t0_ns, t1_ns, *, mask_deg=0.0, target_mask_deg=0.0):
        cut = [(max(aos, t0_ns), min(los, t1_ns)) for aos, los in views[target]]
        return [Pass(aos, los) for aos, los in cut if aos < los]

    return SimpleNamespace(passes=passes)


def test_who_comes_first_is_next_and_of_two_at_once_the_first_named():
    here = sky(mro=[(2 * H, 2 * H + 8 * MIN)], maven=[(H, H + 50 * MIN)], tgo=[(H, H + 9 * MIN)])
    assert next_contact(here, ["mro", "tgo", "maven"], 0, DAY) == Contact("tgo", H, H + 9 * MIN)
    assert next_contact(here, ["mro", "maven"], H + 5 * MIN, DAY) == Contact("maven", H + 5 * MIN, H + 50 * MIN)


def test_one_that_is_done_with_is_not_next_before_its_time():
    here = sky(mro=[(2 * H, 2 * H + 8 * MIN)], maven=[(0, H), (20 * H, 21 * H)])
    closed = {"maven": H}
    assert next_contact(here, ["maven", "mro"], 0, DAY, not_before_ns=closed).target == "mro"
    assert next_contact(here, ["maven", "mro"], 3 * H, DAY, not_before_ns=closed) == Contact("maven", 20 * H, 21 * H)


def test_a_contact_is_as_long_as_it_is_however_far_ahead_it_lies():
    here = sky(mro=[(12 * H - 2 * MIN, 12 * H + 8 * MIN)], madrid=[(5 * H, 40 * H)])
    assert next_contact(here, ["mro"], 0, DAY) == Contact("mro", 12 * H - 2 * MIN, 12 * H + 8 * MIN)
    assert next_contact(here, ["madrid"], 0, 2 * DAY) == Contact("madrid", 5 * H, 40 * H)
    assert next_contact(here, ["madrid"], 0, DAY) == Contact("madrid", 5 * H, DAY)


def test_half_a_minute_is_no_contact_and_there_may_be_none_at_all():
    assert next_contact(sky(mro=[(H, H + MIN // 2)]), ["mro"], 0, DAY) is None
    assert next_contact(sky(mro=[]), ["mro"], 0, DAY) is None


def world(script, answer):
    """What a rover's script has seen that talks to an orbiter which answers or does not."""

    async def orbit(node):
        async for reception in node.uhf.received():
            node.seen.append((node.now_ns, reception.message))
            if answer and isinstance(reception.message, Hail):
                node.uhf.send(Hail(answer=True), to="rover")

    rover, orbiter = Transmitter("rover", script), Transmitter("orbiter", orbit)
    uhf = Channel("uhf", Wire(5_000_000), {"rover": "uhf", "orbiter": "uhf"})
    run, _ = run_to_end([rover, orbiter], [uhf], 100 * NS_PER_S)
    assert run.failure is None, run.failure.traceback
    return rover.seen, orbiter.seen


@pytest.mark.parametrize("answer", [True, False])
def test_who_is_called_answers_or_is_called_three_times(answer):
    async def call(node):
        node.seen.append((await answers(node.uhf, "orbiter"), node.now_ns < NS_PER_S))

    seen, heard = world(call, answer)
    assert seen == [(answer, answer)]
    assert len(heard) == (1 if answer else 3)


def test_the_urgent_goes_first_and_what_has_no_room_stays_for_the_next_contact():
    async def tell(node):
        products = Products(1e6)
        products.put("picture", [Note(text="p" * 400), Note(text="q" * 400)])
        products.put("thumbnail", [Note(text="t")], priority=2)
        node.seen.append(await products.send(node.uhf, Contact("orbiter", 0, NS_PER_S // 2)))
        node.seen.append((len(products), dict(products.left), products.used_bits > 0))
        later = node.now_ns + 10 * NS_PER_S
        await products.send(node.uhf, Contact("orbiter", node.now_ns, later))
        node.seen.append((len(products), products.left, products.used_bits))

    seen, heard = world(tell, answer=False)
    assert [message.text[0] for _, message in heard] == ["t", "p", "q"]
    sent_bits, left, end = seen
    assert (left, end) == ((1, {"picture": 1}, True), (0, {}, 0))
    assert sent_bits / 8000 < 0.5


def test_two_contacts_at_once_share_what_there_is():
    async def script(node):
        products = Products(1e6)
        contact = Contact("orbiter", 0, 10 * NS_PER_S)
        both = [asyncio.create_task(products.send(node.uhf, contact)) for _ in range(2)]
        await asyncio.sleep(1)
        products.put("note", [Note(text="one")])
        node.seen.append(sum(await asyncio.gather(*both)))

    seen, heard = world(script, answer=False)
    assert [message.text for _, message in heard] == ["one"]
    assert seen == [8 * len(Note(text="one").encode()[0])]


def test_a_product_that_does_not_fit_is_refused_whole():
    products = Products(1000)
    with pytest.raises(QueueRefused, match="product picture of 32"):
        products.put("picture", [Note(text="p" * 400)])
    assert (len(products), products.used_bits) == (0, 0)
