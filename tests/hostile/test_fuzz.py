"""Messages of the right shape with the worst values, from people who may do everything.

Whatever the answer, it is one of the contract's: no crash, no hang, nothing left behind by what
was refused, and the server goes on.
"""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.calls import BUGS, Method, methods
from tests.hostile.messages import Messages
from tests.hostile.test_garbage import is_alive
from tests.hostile.world import World

_EXAMPLES = int(os.environ.get("WEFT_FUZZ_EXAMPLES", "12"))


@pytest.mark.parametrize("method", methods(), ids=str)
def test_an_administrator_with_bad_intentions(hosts: World, method: Method) -> None:
    site = hosts.of(method)
    strategy = Messages(site.names).of(method.descriptor.input_type)

    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        derandomize="WEFT_FUZZ_EXAMPLES" not in os.environ,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(strategy, min_size=1, max_size=2 if method.descriptor.client_streaming else 1))
    def attack(requests) -> None:
        before = site.rows()
        found = site.as_admin(method, *(request.SerializeToString() for request in requests))
        assert found.code not in BUGS, (found.code, found.message, requests)
        assert len(found.everything()) < 8 << 10
        if found.code not in {"OK", "CANCELLED"} and not method.descriptor.client_streaming:
            assert _grown(before, site.rows()) == {}, (found, requests)

    attack()
    assert is_alive(site)


def _grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in after.items() if count > before.get(name, 0)}
