"""Events of the control plane's feed.

Nobody outside reads them yet: they number changes, so that each link and each replica knows
what to state anew. They name what changed and never hold a value.
"""

import json

from meshkit.feed import Change


def encode_event(change: Change, revision: int, index: int) -> bytes:
    """An event as JSON; the outbox has type, name and time in columns of their own."""
    event = {
        "revision": revision,
        "index": index,
        "type": change.kind.value,
        "resourceType": type(change.row).__name__,
        "name": change.row.name,
        "uid": str(change.row.uid),
        "fields": list(change.fields),
        "actor": change.actor,
        "time": change.time.isoformat(),
    }
    return json.dumps(event, separators=(",", ":")).encode()
