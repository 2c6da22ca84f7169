"""`kubernetes-validate --strict`, without reading its schemas anew for each document."""

import functools
import json
from unittest import mock

import kubernetes_validate
from kubernetes_validate import utils

from tests.deploy.rendered import Document

_read = functools.cache(utils.schema_contents)


def validate(document: Document, version: str) -> None:
    """Raises kubernetes_validate.ValidationError."""
    _validate(json.dumps(document, sort_keys=True), version)


@functools.cache
def _validate(document: str, version: str) -> None:
    with mock.patch.object(utils, "schema_contents", _read):
        kubernetes_validate.validate(json.loads(document), version, strict=True)
