"""Texts that are shown as what they are."""

from __future__ import annotations


class Html(str):
    """A page: a step that returns it records something to look at.

    It is only ever shown in a sandbox that runs no scripts and reaches no other page.
    """

    __slots__ = ()


class Markdown(str):
    """A text in Markdown: a step that returns it records something to look at."""

    __slots__ = ()
