"""Secrets as steps read them: named in the pipeline, fetched when a step starts, masked in logs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from weft._masking import masker
from weft._surroundings import surroundings
from weft.errors import SecretError

if TYPE_CHECKING:
    from weft._arguments import Argument
    from weft._connection import Endpoint
    from weft._definition import StepDefinition

Values = Mapping[str, Mapping[str, str]]
_REFERENCE = re.compile(
    r"\{\{\s*secrets\.([a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)\.([A-Za-z0-9_-]{1,128})\s*\}\}"
)
# What the running step may read; None where no step runs.
active: ContextVar[Values | None] = ContextVar("weft_secrets", default=None)


class Source:
    """Where this process reads secrets: as its run, where it is a runner, else as its user."""

    def __init__(self) -> None:
        self.endpoint: Endpoint | None = None

    def fetch(self, secrets: Iterable[str]) -> Values:
        """Read secrets by id; what they hold is masked from now on. Raises ApiError."""
        wanted = sorted(set(secrets))
        if not wanted:
            return {}
        if surroundings.secrets is not None:
            return _stood_in(wanted, surroundings.secrets)
        from weft._connection import Connection
        from weftapi.workspace.v1 import secrets_pb2, secrets_pb2_grpc

        with ExitStack() as stack:
            endpoint = self.endpoint
            if endpoint is None:
                connection = Connection.current()
                stack.callback(connection.close)
                endpoint = connection.workspace
            stub = endpoint.stub(secrets_pb2_grpc.SecretServiceStub)
            # One by one: a run's token is good for single names.
            values = {
                secret: dict(
                    endpoint.call(
                        stub.AccessSecret, secrets_pb2.AccessSecretRequest(name=f"secrets/{secret}")
                    ).values
                )
                for secret in wanted
            }
        hide(values)
        return values


source = Source()


def secret(name: str) -> str:
    """Give one value of a secret: `weft.secret("huggingface.token")`.

    Inside a step the secret must be one that `@step(secrets=["huggingface"])` names; elsewhere it
    is read with your own sign-in. What is printed or logged of it shows as `***`.

    Raises:
        SecretError: The step does not name the secret, or the secret has no such key.
        ApiError: It does not exist, you may not read it, or its store is down.
    """
    id_, dot, key = name.partition(".")
    if not (dot and id_ and key):
        raise SecretError(f'secret("{name}"): write it as "<id>.<key>"')
    values = active.get()
    if values is None:
        values = source.fetch([id_])
    return _value(values, id_, key)


def needed(step: StepDefinition, arguments: Mapping[str, Argument]) -> set[str]:
    """Give the ids of the secrets that a step names, in its options or by references."""
    from weft._graph import Constant

    constants = [a.data for a in arguments.values() if isinstance(a, Constant)]
    found = {id_ for id_, _ in _REFERENCE.findall(f"{constants}{dict(step.environment)}")}
    return found | set(step.secrets)


def resolved(value: Any, values: Values) -> Any:
    """Give a plain value with its references, `{{secrets.<id>.<key>}}`, replaced."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: _value(values, match[1], match[2]), value)
    if isinstance(value, list):
        return [resolved(item, values) for item in value]
    if isinstance(value, dict):
        return {key: resolved(item, values) for key, item in value.items()}
    return value


def filled(document: Any) -> Any:
    """Give a document with its references replaced, read by this process's own right."""
    found = {id_ for id_, _ in _REFERENCE.findall(str(document))}
    return resolved(document, source.fetch(found))


def hide(values: Values) -> None:
    """Mask values from now on."""
    masker.hide(value for held in values.values() for value in held.values())


def _stood_in(wanted: Iterable[str], given: Values) -> Values:
    """Give what a test gave."""
    missing = next((secret for secret in wanted if secret not in given), None)
    if missing is not None:
        raise SecretError(f"the test gives no secret {missing}: weft_local.secrets[{missing!r}]")
    values = {secret: dict(given[secret]) for secret in wanted}
    hide(values)
    return values


def _value(values: Values, secret: str, key: str) -> str:
    if secret not in values:
        raise SecretError(
            f'the step does not name the secret {secret}: write @step(secrets=["{secret}"])'
        )
    if key not in values[secret]:
        has = ", ".join(sorted(values[secret]))
        raise SecretError(f"the secret {secret} has no key {key}; it has {has}")
    return values[secret][key]
