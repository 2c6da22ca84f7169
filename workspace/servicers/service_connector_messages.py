"""Connectors and their types as messages; no secret ever comes this way."""

from typing import Any

from google.protobuf.struct_pb2 import Struct

from weftapi.workspace.v1 import service_connectors_pb2
from workspace import names
from workspace.connectors.model import AuthMethod, ConnectorType
from workspace.servicers.converting import stamp
from workspace.store.schema_connectors import ServiceConnector


def connector_to_proto(row: ServiceConnector) -> service_connectors_pb2.ServiceConnector:
    return service_connectors_pb2.ServiceConnector(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        labels=row.labels,
        annotations=row.annotations,
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        type=f"connectorTypes/{row.type}",
        auth_method=row.auth_method,
        resource_types=row.resource_types,
        resource_id=row.resource_id,
        config=_struct(row.config),
        secret_fields=row.secret_fields,
        secret_name=f"secrets/{row.secret}" if row.secret else "",
        expire_time=stamp(row.expire_time),
    )


def type_to_proto(type_: ConnectorType) -> service_connectors_pb2.ConnectorType:
    return service_connectors_pb2.ConnectorType(
        name=f"connectorTypes/{type_.id}",
        display_name=type_.display_name,
        description=type_.description,
        auth_methods=[_method(each) for each in type_.auth_methods],
        resource_types=[
            service_connectors_pb2.ConnectorResourceType(
                id=each.id,
                display_name=each.display_name,
                description=each.description,
                resource_id_example=each.example,
            )
            for each in type_.resource_types
        ],
    )


def _method(method: AuthMethod) -> service_connectors_pb2.ConnectorAuthMethod:
    return service_connectors_pb2.ConnectorAuthMethod(
        id=method.id,
        display_name=method.display_name,
        description=method.description,
        config_schema=_struct(method.schema()),
        secret_fields=method.secret_fields,
    )


def _struct(values: dict[str, Any]) -> Struct:
    struct = Struct()
    struct.update(values)
    return struct
