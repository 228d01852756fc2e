"""The draw of a message: the same for ever, another for each message and receiver."""

from lightlag.bus.draw import draw


def test_a_draw_is_fixed_for_ever():
    # Runs with faults stay comparable only while these are what they are.
    assert draw(7, "rover", 1, "mro") == 0.6252728887454883
    assert draw(0, "mro", 1 << 40, "goldstone") == 0.1439084529192005


def test_every_part_of_what_is_drawn_for_counts():
    draws = {draw(seed, s, seq, r) for seed in (1, 2) for s in ("a", "b") for seq in (1, 2) for r in ("c", "d")}
    assert len(draws) == 16
    assert len({draw(1, "a", 11, "b"), draw(11, "a", 1, "b"), draw(1, "a1", 1, "b")}) == 3


def test_draws_are_uniform():
    draws = [draw(3, "a", seq, "b") for seq in range(10_000)]
    assert all(0 <= value < 1 for value in draws)
    assert abs(sum(draws) / len(draws) - 0.5) < 0.01
    assert all(900 < sum(tenth / 10 <= value < (tenth + 1) / 10 for value in draws) < 1100 for tenth in range(10))
