"""Messages of the right shape with the worst values, from people who may do everything.

Whatever the answer, it is one of the contract's: no crash, no hang, nothing left behind by what
was refused, and the server goes on.
"""

import os

import pytest
from google.protobuf import duration_pb2, field_mask_pb2, struct_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.calls import BUGS, MAX_ERROR_BYTES, Method, methods
from tests.hostile.messages import Messages
from tests.hostile.test_garbage import is_alive
from tests.hostile.world import World
from weftapi.workspace.v1 import projects_pb2, snapshots_pb2, steps_pb2

_EXAMPLES = int(os.environ.get("WEFT_FUZZ_EXAMPLES", "12"))


# Hypothesis notices that somebody uses `random` meanwhile: the servers' thread.
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
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
        assert found.size < MAX_ERROR_BYTES
        if found.code not in {"OK", "CANCELLED"} and not method.descriptor.client_streaming:
            assert _grown(before, site.rows()) == {}, (found, requests)

    attack()
    assert is_alive(site)


def _grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in after.items() if count > before.get(name, 0)}


# What earlier attacks found, kept by name:.
FOUND = {
    "a_value_that_is_not_there": (
        "workspace.SnapshotService/RunSnapshot",
        snapshots_pb2.RunSnapshotRequest(
            name="projects/demo/snapshots/first",
            parameters=struct_pb2.Struct(fields={"x": struct_pb2.Value()}),
        ),
        "INVALID_ARGUMENT",
    ),
    "a_value_that_is_not_there_in_a_list": (
        "workspace.SnapshotService/RunSnapshot",
        snapshots_pb2.RunSnapshotRequest(
            name="projects/demo/snapshots/first",
            parameters=struct_pb2.Struct(
                fields={
                    "x": struct_pb2.Value(
                        list_value=struct_pb2.ListValue(values=[struct_pb2.Value()])
                    )
                }
            ),
        ),
        "INVALID_ARGUMENT",
    ),
    "an_age_before_all_time": (
        "workspace.StepService/LookupStepCache",
        steps_pb2.LookupStepCacheRequest(
            parent="projects/demo",
            cache_key="a" * 64,
            max_age=duration_pb2.Duration(seconds=253402300800),
        ),
        "OK",
    ),
    "a_text_that_swells_when_it_is_encoded": (
        "workspace.ProjectService/UpdateProject",
        projects_pb2.UpdateProjectRequest(
            project=projects_pb2.Project(name="projects/demo"),
            update_mask=field_mask_pb2.FieldMask(paths=["\U0001f9f5" * 400] * 30),
        ),
        "INVALID_ARGUMENT",
    ),
}


@pytest.mark.parametrize(("name", "request_", "code"), FOUND.values(), ids=FOUND)
def test_what_earlier_attacks_found(hosts: World, name: str, request_, code: str) -> None:
    method = next(method for method in methods() if str(method) == name)
    found = hosts.of(method).as_admin(method, request_.SerializeToString())
    assert found.code == code
    assert found.size < MAX_ERROR_BYTES
