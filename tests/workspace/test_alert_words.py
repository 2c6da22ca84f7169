"""What is told of events, when it is tried again, and how it reads: the parts without a server."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.errors import InvalidArgument
from weftapi.workspace.v1 import events_pb2, run_types_pb2, schedule_types_pb2
from workspace.alerting.messages import body_of, payload_of, sample
from workspace.alerting.notices import Notice, notice_of, predicate
from workspace.alerting.patience import PATIENCE, next_time, retry_after

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
RUN = "projects/demo/runs/r"
UPDATED, CREATED = events_pb2.EVENT_TYPE_UPDATED, events_pb2.EVENT_TYPE_CREATED


def event(kind: str, name: str, **fields: Any) -> events_pb2.Event:
    fields.setdefault("type", UPDATED)
    return events_pb2.Event(
        resource_type=f"weft.dev/{kind}", name=name, project="projects/demo", **fields
    )


@given(
    tries=st.integers(1, 10_000),
    chance=st.floats(0, 1),
    asked_s=st.none() | st.integers(0, 6 * 3600),
)
def test_pauses_grow_are_bounded_and_honour_what_is_asked(
    tries: int, chance: float, asked_s: int | None
) -> None:
    asked = None if asked_s is None else timedelta(seconds=asked_s)
    later = next_time(NOW, tries, asked=asked, give_up=NOW + PATIENCE, random=lambda: chance)
    assert later is not None
    pause = later - NOW
    assert timedelta(seconds=4) <= pause <= timedelta(hours=7.2)
    assert pause >= (asked or timedelta(0))
    one_more = next_time(NOW, tries + 1, asked=asked, give_up=NOW + PATIENCE, random=lambda: chance)
    assert one_more is not None
    assert one_more >= later
    assert next_time(NOW, tries, asked=asked, give_up=later, random=lambda: chance) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Sat, 31 Jan 2026 12:00:30 GMT", 30),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0),
        ("9" * 5000, 6 * 3600),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 6 * 3600),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("٣", None),
    ],
)
def test_what_targets_ask_for(text: str, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after(text, NOW) == expected


def test_a_run_that_falls_silent_is_told_once() -> None:
    run = run_types_pb2.Run(
        pipeline="projects/demo/pipelines/train",
        state=run_types_pb2.RUN_STATE_RUNNING,
        unresponsive={},
    )
    silent = notice_of(event("Run", RUN, run=run, changed_fields=["unresponsive"]))
    assert silent
    assert (silent.type, silent.state, silent.pipeline) == ("run.unresponsive", "RUNNING", "train")
    assert notice_of(event("Run", RUN, run=run, changed_fields=["step_counts"])) is None
    run.ClearField("unresponsive")
    assert notice_of(event("Run", RUN, run=run, changed_fields=["unresponsive"])) is None


def test_what_a_large_event_leaves_out_its_transition_says() -> None:
    told = notice_of(event("Run", RUN, truncated=True, transition={"to": "FAILED"}))
    assert told
    assert (told.type, told.state, told.lacks_run) == ("run.failed", "FAILED", True)


def test_a_schedule_that_made_no_run_is_told_each_time() -> None:
    failed = schedule_types_pb2.FIRING_OUTCOME_FAILED
    schedule = schedule_types_pb2.Schedule(last_outcome=failed, last_message="No rights.")
    name = "projects/demo/schedules/nightly"
    news = notice_of(event("Schedule", name, schedule=schedule, changed_fields=["last_outcome"]))
    assert news
    assert (news.type, news.reason, news.schedule) == ("schedule.failed", "No rights.", "nightly")
    other = event("Schedule", name, schedule=schedule, changed_fields=["description"])
    assert notice_of(other) is None


def test_nothing_that_may_be_secret_is_told() -> None:
    hidden = "pa55-w0rd"
    run = run_types_pb2.Run(failure={"code": "EXCEPTION", "message": "m", "traceback": hidden})
    run.parameters.update({"password": hidden})
    run.metadata.update({"password": hidden})
    run.snapshot = f"projects/demo/snapshots/{hidden}"
    told = notice_of(event("Run", RUN, run=run, transition={"to": "FAILED", "reason": "why"}))
    assert told
    payload = payload_of(told, UUID(int=1), workspace="w", browser_url="")
    assert hidden not in payload
    assert json.loads(payload)["resource"]["failure"] == {"code": "EXCEPTION", "message": "m"}


@given(st.text(max_size=4000), st.text(max_size=200))
def test_whatever_people_write_a_message_calls_nobody(reason: str, name: str) -> None:
    notice = Notice(
        "run.failed", RUN, NOW, "", reason, resource={"name": RUN, "display_name": name}
    )
    payload = payload_of(notice, UUID(int=1), workspace="w", browser_url="")
    message = json.loads(body_of("SLACK", payload))
    texts = [message["text"], message["blocks"][0]["text"]["text"]]
    assert not any("<" in text or ">" in text for text in texts)
    assert all(0 < len(text) <= 3000 for text in texts)
    assert body_of("WEBHOOK", payload) == payload.encode()


@pytest.mark.parametrize(
    ("type_", "cause", "resource", "title"),
    [
        ("run.failed", RUN, {"pipeline": "projects/demo/pipelines/train"}, "r of train failed"),
        ("run.waiting", RUN, {}, "r waits for an answer"),
        ("run.unresponsive", RUN, {"display_name": "Nightly"}, "Nightly is silent"),
        (
            "model_version.moved",
            "projects/demo/models/fraud/versions/3",
            {"stage": "PRODUCTION"},
            "fraud/3 is PRODUCTION now",
        ),
        (
            "artifact_version.created",
            "projects/demo/artifacts/scores/versions/7",
            {},
            "artifact scores/7 has a new version",
        ),
        (
            "schedule.failed",
            "projects/demo/schedules/nightly",
            {},
            "schedule nightly could not make its run",
        ),
    ],
)
def test_a_message_says_what_happened(
    type_: str, cause: str, resource: dict[str, str], title: str
) -> None:
    notice = Notice(type_, cause, NOW, "", resource={"name": cause, **resource})
    payload = payload_of(notice, UUID(int=1), workspace="w", browser_url="")
    assert json.loads(body_of("SLACK", payload))["text"] == title


def test_a_sample_can_be_sent_to_every_kind() -> None:
    payload = sample(UUID(int=1), "demo", "projects/demo/alerters/ops", now=NOW, workspace="w")
    assert json.loads(payload)["time"] == "2026-01-31T12:00:00Z"
    assert "ops" in json.loads(body_of("SLACK", payload))["text"]


def test_filters_look_at_what_a_notice_says() -> None:
    told = Notice("run.failed", RUN, NOW, "users/a", run="r", state="FAILED", labels={"a": "b"})
    for text, holds in (
        ("", True),
        ('labels.a="b" state=FAILED', True),
        ('type="run.failed" AND NOT actor="users/b"', True),
        ('pipeline="train"', False),
        ("stage=PRODUCTION", False),
    ):
        assert predicate(text)(told) is holds, text
    with pytest.raises(InvalidArgument):
        predicate("time>now()")
