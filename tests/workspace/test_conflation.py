"""Conflation: what a display may miss, and what it may not."""

from hypothesis import given
from hypothesis import strategies as st

from weftapi.workspace.v1 import events_pb2
from workspace.encoding import messages
from workspace.servicers.following import Chosen, conflated


def history(uids: list[str]) -> list[Chosen]:
    """Changes of these resources, one a revision; each says its number as its etag would."""
    return [
        Chosen(revision, uid, events_pb2.Event(uid=uid, revision=revision).SerializeToString())
        for revision, uid in enumerate(uids, 1)
    ]


def state(events: list[events_pb2.Event]) -> dict[str, int]:
    """What a display shows: of each resource, the newest revision that it was told."""
    return {event.uid: event.revision for event in events}


@given(
    uids=st.lists(st.sampled_from("abcdef"), max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=6),
)
def test_pages_conflated_wherever_they_are_cut_show_the_same_at_each_resume_point(
    uids: list[str], cuts: list[int]
) -> None:
    whole = history(uids)
    shown: list[events_pb2.Event] = []
    position = 0
    for cut in sorted({min(cut, len(whole)) for cut in cuts} | {len(whole)}):
        page = [one for one in whole if position < one.revision <= cut]
        kept = conflated(page, cut)
        assert len({one.uid for one in kept}) == len(kept)
        events = [events_pb2.Event.FromString(one.event) for one in kept]
        revisions = [event.revision for event in events]
        assert revisions == sorted(set(revisions))
        shown += events
        everything = [events_pb2.Event.FromString(one.event) for one in whole[:cut]]
        assert state(shown) == state(everything)
        position = cut


def test_only_the_last_message_of_a_conflated_page_is_a_resume_point() -> None:
    page = conflated(history([f"uid-{number}" for number in range(1200)]), 1200)
    sent = [
        events_pb2.WatchResponse.FromString(message)
        for message in messages(((one.revision, one.event) for one in page), revision=1200)
    ]
    assert len(sent) == 3
    assert [message.more_in_revision for message in sent] == [True, True, False]
    assert sent[-1].revision == 1200
