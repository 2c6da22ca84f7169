"""What people may write for a commit: git's own rules for names, and none of its expressions.

`HEAD~2`, `@{yesterday}` and ranges mean something to git only, and only beside a clone.
"""

import re

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT = re.compile(r"[0-9a-f]{4,63}")
# Control characters, and what git has another use for.
_TAKEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_MAX_SUBJECT = 256


def is_commit_id(text: str) -> bool:
    """Whether it is the whole id of a commit."""
    return bool(_ID.fullmatch(text))


def is_short_id(text: str) -> bool:
    """Whether it can be the beginning of one."""
    return bool(_SHORT.fullmatch(text))


def problem(revision: str) -> str | None:
    """What is wrong with a revision; None for one that a branch or a tag may be called."""
    if _TAKEN.search(revision) or not revision.isprintable():
        return "must be the name of a branch or a tag, or a commit's id"
    parts = revision.split("/")
    if any(part.startswith(".") or part.endswith(".lock") for part in parts):
        return "must not have parts that begin with '.' or end with '.lock'"
    if revision[0] in "-/" or revision[-1] in "/." or revision == "@":
        return "must not begin with '-' or '/', nor end with '/' or '.'"
    return None


def subject_of(message: str) -> str:
    """The first line of a commit's message, fit for one line of ours."""
    line = message.strip().partition("\n")[0]
    return "".join(c if c.isprintable() else "?" for c in line[:_MAX_SUBJECT])
