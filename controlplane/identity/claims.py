"""Rules on the claims of tokens from elsewhere: exact, or with one "*" at an end. Pure.

Never regular expressions: what people write in those matches more than they mean.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SUBJECT = "sub"
_WILDCARD = "*"
# Everybody in the world can have a token of these issuers: the rule must name whose.
_SHARED_ISSUERS = {
    "https://token.actions.githubusercontent.com": (
        re.compile(r"repo:[^*:/]+/.*"),
        'must begin with "repo:OWNER/": every repository of GitHub has such tokens',
    ),
    "https://gitlab.com": (
        re.compile(r"project_path:[^*:/]+/.*"),
        'must begin with "project_path:GROUP/": every project of GitLab has such tokens',
    ),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What one claim must say."""

    claim: str
    value: str

    @property
    def problem(self) -> str:
        """What is wrong with the rule itself; empty where nothing is."""
        literal = self.value.removeprefix(_WILDCARD)
        if literal == self.value:
            literal = literal.removesuffix(_WILDCARD)
        if not literal:
            return "must say more than that anything will do"
        return 'may have one "*", at its start or its end' if _WILDCARD in literal else ""

    def accepts(self, claims: Mapping[str, Any]) -> bool:
        """Whether the claims fit; a list or an object fits nothing."""
        said = _text(claims.get(self.claim))
        if said is None:
            return False
        if self.value.startswith(_WILDCARD):
            return said.endswith(self.value[1:])
        if self.value.endswith(_WILDCARD):
            return said.startswith(self.value[:-1])
        return said == self.value


def subject_problem(issuer: str, subject: str) -> str:
    """What is wrong with a rule on the subject of an issuer's tokens; empty where nothing is."""
    problem = Rule(SUBJECT, subject).problem
    pattern, reason = _SHARED_ISSUERS.get(issuer, (None, ""))
    if not problem and pattern is not None and not pattern.fullmatch(subject):
        return reason
    return problem


def accept_all(rules: Sequence[Rule], claims: Mapping[str, Any]) -> bool:
    """Whether the claims fit every rule."""
    return all(rule.accepts(claims) for rule in rules)


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    # A number beyond this is no claim that anybody writes a rule on.
    return json.dumps(value) if isinstance(value, bool | int) and abs(value) < 1 << 63 else None
