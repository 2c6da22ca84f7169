"""What is sent: the JSON of webhooks, and messages for people that are made of it. Pure."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from workspace import names
from workspace.alerting.notices import Notice
from workspace.store.schema_alerters import AlerterKind

# Grows when something that is there changes its meaning, not when something is added.
VERSION = 1
# As long as Slack takes them.
_MOST_TEXT = 2_900
_MARKS = {"failed": "🔴", "succeeded": "🟢", "unresponsive": "🟠", "waiting": "✋", "alert": "📣"}


def payload_of(notice: Notice, uid: UUID, *, workspace: str, browser_url: str) -> str:
    """What a notice says, as JSON; `uid` is that of its delivery."""
    project = names.project(names.project_of(notice.cause))
    told: dict[str, Any] = {
        "version": VERSION,
        "id": str(uid),
        "type": notice.type,
        "time": _text_of(notice.time),
        "workspace": workspace,
        "project": project,
        "actor": notice.actor,
        "reason": notice.reason,
        "resource": {"link": _link(browser_url, notice.cause), **notice.resource},
    }
    return json.dumps(_filled(told), ensure_ascii=False, separators=(",", ":"))


def sample(uid: UUID, project: str, alerter: str, *, now: datetime, workspace: str) -> str:
    """What is sent to try an alerter (a name)."""
    told = {
        "version": VERSION,
        "id": str(uid),
        "type": "alerter.test",
        "time": _text_of(now),
        "workspace": workspace,
        "project": names.project(project),
        "reason": "Somebody tries whether this arrives.",
        "resource": {"name": alerter},
    }
    return json.dumps(told, separators=(",", ":"))


def body_of(kind: str, payload: str) -> bytes:
    """What is sent to a target of a kind."""
    return payload.encode() if kind == AlerterKind.WEBHOOK else _slack(json.loads(payload))


def _slack(told: Mapping[str, Any]) -> bytes:
    """A message of blocks: what happened and why first, where to look last."""
    resource = told["resource"]
    title, reason = _title(told), told.get("reason", "")
    text = f"{_mark(told['type'])} *{_escaped(title)}*"
    if reason:
        text = f"{text}\n{_escaped(reason)}"
    facts = [f"`{told['type']}`", _escaped(resource["name"])]
    if "link" in resource:
        facts.append(f"<{_escaped(resource['link'])}|open>")
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text)}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": _cut(" · ".join(facts))}]},
    ]
    # What phones and screen readers say.
    plain = f"{title}: {reason}" if reason else title
    return json.dumps({"text": _cut(_escaped(plain)), "blocks": blocks}).encode()


def _title(told: Mapping[str, Any]) -> str:
    """A few words: "nightly-42 of train failed"."""
    resource, (noun, _, verb) = told["resource"], told["type"].partition(".")
    name = resource.get("display_name") or "/".join(resource["name"].split("/")[3::2])
    if noun == "run":
        pipeline = names.last(resource.get("pipeline", ""))
        whose = f"{name} of {pipeline}" if pipeline else name
        words = {"waiting": "waits for an answer", "alert": "says", "unresponsive": "is silent"}
        return f"{whose} {words.get(verb, verb)}"
    if verb == "moved":
        return f"{name} is {resource.get('stage', '')} now"
    nouns = {"model_version": "model", "artifact_version": "artifact"}
    words = {"created": "has a new version", "failed": "could not make its run"}
    return f"{nouns.get(noun, noun)} {name} {words.get(verb, verb)}"


def _mark(type_: str) -> str:
    return _MARKS.get(type_.partition(".")[2], "🔵")


def _escaped(text: str) -> str:
    """Text of others: nobody is called, and nothing linked, by what stands in a reason."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"


def _link(browser_url: str, name: str) -> str:
    return f"{browser_url.rstrip('/')}/{name}" if browser_url else ""


def _filled(told: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty."""
    return {
        name: _filled(value) if isinstance(value, Mapping) else value
        for name, value in told.items()
        if value not in ("", {})
    }


def _text_of(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
