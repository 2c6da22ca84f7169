"""Names for things made on this machine: sortable ids, readable run names, resource ids."""

from __future__ import annotations

import os
import random
import re
import time
import uuid

_ADJECTIVES = (
    "amber bold brave bright brisk calm clever cosmic crisp eager fair fleet gentle golden grand "
    "happy honest jolly keen kind lively lucid lucky mellow merry mighty neat nimble noble polite "
    "proud quick quiet rapid ready royal serene sharp silver smart smooth snowy solid steady "
    "sturdy sunny swift tidy vivid warm wise witty young zesty"
)
_NOUNS = (
    "badger beaver bison cedar comet condor coral crane delta falcon fern finch fjord fox gecko "
    "glacier harbor hawk heron ibis iris jaguar kestrel koala lark lemur lion lotus lynx maple "
    "marten meadow moose newt oak ocelot orca osprey otter owl panda pebble puffin raven reef "
    "river robin salmon seal sparrow spruce stork swan tapir tiger walrus willow wolf wren"
)


def new_uid() -> str:
    """Make a UUIDv7: ids made later sort later."""
    millis = time.time_ns() // 1_000_000
    value = (millis << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return str(uuid.UUID(int=value))


def run_name(uid: str) -> str:
    """Name a run readably, such as `brave-otter-4f2a`; the same uid gives the same name."""
    pick = random.Random(uid)  # noqa: S311 - a readable name, not a secret
    return f"{pick.choice(_ADJECTIVES.split())}-{pick.choice(_NOUNS.split())}-{uid[-4:]}"


def resource_id(name: str) -> str:
    """Turn a Python or free name into a resource id: `^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    slug = slug if slug[:1].isalpha() else f"s-{slug}".rstrip("-")
    return slug[:63].rstrip("-")
