"""What a node publishes has a plain file name: it can lie nowhere but in the run directory."""

import pytest
from tests.nodes.worlds import Scripted, run_to_end


@pytest.mark.parametrize("name", ["chute.png", "mro-ESP_068281_9024-crop.png", "a+b.tar.gz", "-", "höhe.csv"])
def test_a_plain_name_is_taken(name):
    async def tell(node):
        node.publish(name, b"")

    ran, _ = run_to_end([Scripted("a", tell)], [])
    assert ran.failure is None
    assert [product.name for product in ran.products] == [name]


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "../up.png", "/etc/motd", "a/b", "a b", "a\0b", "a.png\n"])
def test_a_name_that_leads_elsewhere_is_refused(name):
    async def tell(node):
        node.publish(name, b"")

    ran, _ = run_to_end([Scripted("a", tell)], [])
    assert f"NodeError: a cannot publish {name!r}: a file's name is of letters" in ran.failure.traceback
    assert ran.products == []
