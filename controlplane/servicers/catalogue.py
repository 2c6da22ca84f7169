"""The catalogue of permissions as people read it, said by the contract itself.

What a permission allows is what the methods that ask for it do, and they say so in their
comments: nothing is described a second time.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from controlplane.permissions import CATALOGUE, ROLES
from meshkit.paging import OrderKey, Orders
from weftapi.controlplane.v1 import access_pb2
from weftapi.options.v1 import options_pb2

_KEY = OrderKey("permission")
ORDERS = Orders(keys=(_KEY,), uid=_KEY, default="permission")
# Field numbers of services in files and of methods in services, as source info has them.
_SERVICE, _METHOD = 6, 2


@cache
def entries() -> tuple[access_pb2.Permission, ...]:
    """Every permission, sorted, with the methods that ask for it and what these do."""
    methods = defaultdict[str, list[tuple[str, str]]](list)
    content = (files("weftapi") / "weftapi.protoset").read_bytes()
    for file in FileDescriptorSet.FromString(content).file:
        for verb, method, sentence in _asking(file):
            methods[verb].append((method, sentence))
    return tuple(
        access_pb2.Permission(
            permission=permission,
            description=" ".join(dict.fromkeys(said for _, said in methods[permission])),
            methods=[method for method, _ in methods[permission]],
            roles=[role.id for role in ROLES.values() if permission in role.permissions],
        )
        for permission in sorted(CATALOGUE)
    )


def as_is(entry: access_pb2.Permission) -> access_pb2.Permission:
    """Entries are messages already."""
    return entry


def _asking(file: FileDescriptorProto) -> Iterator[tuple[str, str, str]]:
    """Of each method that asks for a permission: that, its name, and what it does."""
    comments = {
        tuple(location.path): location.leading_comments
        for location in file.source_code_info.location
    }
    for s, service in enumerate(file.service):
        for m, method in enumerate(service.method):
            verb = method.options.Extensions[options_pb2.auth].permission.verb
            if verb:
                said = comments.get((_SERVICE, s, _METHOD, m), "")
                yield verb, f"{service.name}.{method.name}", _first_sentence(said)


def _first_sentence(comment: str) -> str:
    text = " ".join(comment.split())
    return f"{text.partition('. ')[0].rstrip('.')}."
