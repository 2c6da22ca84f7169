"""What a Job and its pod mean together, in the order that two watches may tell them."""

from typing import Any
from uuid import uuid4

import pytest

from tests.workloads.observed import key, shell
from workloads.launchers.kubernetes import manifests, podspec, states
from workloads.launchers.kubernetes.settings import KubernetesSettings
from workloads.lifecycle import WorkloadState
from workloads.model import Secrets

TIME = "2026-11-22T09:00:00Z"
FAILED = {"type": "Failed", "status": "True", "message": "Job has failed"}
SUSPENDED = {"type": "Suspended", "status": "True"}


def job(*conditions: dict[str, Any], cancelled: str = "") -> dict[str, Any]:
    made = manifests.job(key("w"), shell("true"), Secrets(), KubernetesSettings(image="weft"))
    made["metadata"] |= {"uid": str(uuid4()), "creationTimestamp": TIME, "namespace": "weft-runs"}
    made["status"] = {"conditions": list(conditions)}
    if cancelled:
        made["metadata"]["annotations"][manifests.CANCELLED] = cancelled
    return made


def pod(phase: str, **state: dict[str, Any]) -> dict[str, Any]:
    status = {"name": podspec.CONTAINER, "state": state}
    return {"spec": {}, "status": {"phase": phase, "containerStatuses": [status]}}


def with_conditions(pod: dict[str, Any], **status: str) -> dict[str, Any]:
    said = [{"type": type_, "status": each} for type_, each in status.items()]
    return {**pod, "status": {**pod["status"], "conditions": said}}


RUNS = pod("Running", running={"startedAt": TIME})
ENDED = pod("Failed", terminated={"exitCode": 3, "reason": "Error", "finishedAt": TIME})


@pytest.mark.parametrize(
    ("job", "pod", "is_gone", "state"),
    [
        (job(), None, False, "PENDING"),
        (job(), RUNS, False, "RUNNING"),
        (job(), ENDED, False, "FAILED"),
        # The Job's watch was faster than the pod's: how it ended is still to come.
        (job(FAILED), RUNS, False, "RUNNING"),
        (job(FAILED), ENDED, False, "FAILED"),
        (job(FAILED), ENDED, True, "FAILED"),
        (job(FAILED), RUNS, True, "LOST"),
        (job(FAILED), None, False, "LOST"),
        (job(cancelled="enough"), RUNS, False, "CANCELLING"),
        (job(FAILED, cancelled="enough"), RUNS, False, "CANCELLING"),
        (job(FAILED, cancelled="enough"), RUNS, True, "CANCELLED"),
        (job(SUSPENDED, cancelled="enough"), None, False, "CANCELLED"),
        (job(SUSPENDED, cancelled="enough"), RUNS, False, "CANCELLING"),
    ],
)
def test_what_is_known_of_both_decides(job, pod, is_gone, state):
    assert states.observe(job, pod, is_pod_gone=is_gone).state is WorkloadState(state)


@pytest.mark.parametrize(
    ("code", "signal", "reason"),
    [
        (1, 0, "It ended with exit code 1."),
        (143, 15, "It ended with exit code 143, killed by signal 15."),
        # `sys.exit(-1)`, which no signal has to do with.
        (255, 0, "It ended with exit code 255."),
    ],
)
def test_an_exit_code_names_a_signal_that_there_is(code, signal, reason):
    ended = pod("Failed", terminated={"exitCode": code, "reason": "Error", "finishedAt": TIME})
    seen = states.observe(job(), ended)
    assert (seen.exit.code, seen.exit.signal, seen.reason) == (code, signal, reason)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({}, "Its pod failed, and its cluster does not say why."),
        # By whoever may; the cluster's collector then calls it failed, and no more.
        ({"deletionTimestamp": TIME}, "It was deleted before a node took it."),
    ],
)
def test_a_pod_that_failed_without_a_word_has_failed_all_the_same(metadata, reason):
    silent = {"metadata": metadata, "spec": {}, "status": {"phase": "Failed"}}
    seen = states.observe(job(FAILED), silent)
    assert (seen.state, seen.reason) == (WorkloadState.FAILED, reason)


def test_a_deadline_is_told_alone_where_the_container_never_came():
    over = pod("Failed", terminated={"exitCode": 137, "reason": "ContainerStatusUnknown"})
    over["spec"]["activeDeadlineSeconds"] = 1
    unseen = states.observe(job(), over)
    assert unseen.reason == "ContainerStatusUnknown: its cluster gave no reason"
    over["status"]["reason"] = "DeadlineExceeded"
    late = states.observe(job(), over)
    assert late.exit.is_timeout
    assert late.reason.endswith("it has 1 s on its node, the pull of its image included.")


def test_what_is_to_come_of_a_job_is_not_there_yet():
    for type_ in ("SuccessCriteriaMet", "FailureTarget"):
        seen = states.observe(job({"type": type_, "status": "True"}), RUNS)
        assert seen.state is WorkloadState.RUNNING


def test_names_of_other_containers_do_not_count():
    beside = pod("Running", running={"startedAt": TIME})
    beside["status"]["containerStatuses"][0]["name"] = "istio-proxy"
    assert states.observe(job(), beside).state is WorkloadState.PENDING


@pytest.mark.parametrize(
    ("conditions", "reason"),
    [
        ({"ContainersReady": "True", "Ready": "True"}, ""),
        # Said by the cluster, of a node that said the other thing when it was last heard.
        ({"ContainersReady": "True", "Ready": "False"}, "Its node does not answer."),
        # Said by the node itself, of a container that begins or ends.
        ({"ContainersReady": "False", "Ready": "False"}, ""),
        ({}, ""),
    ],
)
def test_a_silent_node_is_told_from_a_pod_that_is_not_ready(conditions, reason):
    seen = states.observe(job(), with_conditions(RUNS, **conditions))
    assert (seen.state, seen.reason) == (WorkloadState.RUNNING, reason)
