"""Tries a store: an object is written, read back and deleted again."""

from uuid import uuid4

from meshkit.objects.port import ObjectStore
from workspace.stacks.checks import FailedCheckError, Report

_CONTENT = b"Weft was here to see whether it may write, and deletes this again."


async def try_store(report: Report, store: ObjectStore) -> None:
    """Leaves nothing behind, unless the store lets us write and not delete."""
    key = f".weft-probe-{uuid4().hex}"

    async def write() -> str:
        await store.put(key, _CONTENT)
        return f"An object was written to {store.root}."

    async def read() -> str:
        if await store.get(key) != _CONTENT:
            raise FailedCheckError("What was read is not what was written.")
        return "It was read back as it was written."

    async def delete() -> str:
        await store.delete([key])
        if await store.head(key) is not None:
            raise FailedCheckError("The object is still there after it was deleted.")
        return "It was deleted again."

    grant = "Let the credentials {} objects in this bucket or folder."
    if await report.attempt("write", write(), remedy=_WRITE):
        await report.attempt("read", read(), remedy=grant.format("read"))
        await report.attempt("delete", delete(), remedy=grant.format("delete"))


_WRITE = (
    "See that the bucket or folder exists, that the address and the region are right, and that "
    "the credentials may write there."
)
