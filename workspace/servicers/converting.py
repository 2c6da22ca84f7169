"""Small conversions between messages and plain values that several servicers share."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from google.protobuf import json_format
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from meshkit.caller import Caller, CallerKind, current_call
from meshkit.rules import resolve_update_mask
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import run_types_pb2, step_settings_pb2
from workspace import names
from workspace.operations.refusals import invalid


def short_names(enum: Any) -> dict[int, str]:
    """The values of an enum by number, without the prefix of its type; zero is ""."""
    values = enum.DESCRIPTOR.values_by_number
    prefix = values[0].name.removesuffix("UNSPECIFIED")
    return {
        number: value.name.removeprefix(prefix) if number else ""
        for number, value in values.items()
    }


def numbers(enum: Any) -> dict[str, int]:
    """The other way round."""
    return {name: number for number, name in short_names(enum).items()}


MAX_METADATA_BYTES = 32 * 1024
_EPOCH = datetime.fromtimestamp(0, UTC)
_DAY_S = 86_400
FAILURE_KINDS = short_names(run_types_pb2.FailureKind)
_FAILURE_NUMBERS = numbers(run_types_pb2.FailureKind)
_STOP_MODES = numbers(run_types_pb2.StopMode)


def struct_to_dict(struct: Struct) -> dict[str, Any]:
    """A Struct as plain values; whole numbers come back as integers."""
    return {name: _plain(value) for name, value in struct.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1 << 53 else value
    if isinstance(value, Struct):
        return struct_to_dict(value)
    if isinstance(value, Message):
        return [_plain(item) for item in value]  # type: ignore[attr-defined]
    return value


def plain_value(value: Value) -> Any:
    """A Value as plain JSON; whole numbers come back as integers."""
    holder = Struct()
    holder.fields["value"].CopyFrom(value)
    return struct_to_dict(holder)["value"]


def values_to_dict(values: Mapping[str, Value]) -> dict[str, Any]:
    """Metadata as plain values; InvalidArgument for what JSON cannot hold, or too much of it."""
    try:
        plain = {name: _plain(json_format.MessageToDict(value)) for name, value in values.items()}
        size = len(json.dumps(plain, allow_nan=False))
    except (ValueError, json_format.Error) as error:
        raise invalid("metadata", "holds a number that is none") from error
    if size > MAX_METADATA_BYTES:
        raise invalid("metadata", f"must not be larger than {MAX_METADATA_BYTES} bytes")
    return plain


def dict_to_values(plain: Mapping[str, Any]) -> dict[str, Value]:
    """The other way round."""
    return {name: json_format.ParseDict(value, Value()) for name, value in plain.items()}


def message_to_dict(message: Message) -> dict[str, Any]:
    """A message as JSON, for columns that hold one."""
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def time_of(message: Message, field: str) -> datetime | None:
    """A time field, None where it is absent."""
    if not message.HasField(field):
        return None
    stamp: Timestamp = getattr(message, field)
    return stamp.ToDatetime(tzinfo=UTC)


# Most times of a transaction's messages are the same one.
@lru_cache(maxsize=4096)
def stamp(time: datetime | None) -> Timestamp | None:
    """A time as a message, not to be changed: a fifth of what protobuf's own conversion costs."""
    if time is None:
        return None
    since = time - _EPOCH
    return Timestamp(seconds=since.days * _DAY_S + since.seconds, nanos=since.microseconds * 1000)


def failure_to_dict(failure: run_types_pb2.Failure) -> dict[str, Any]:
    values = {field.name: value for field, value in failure.ListFields()}
    return {**values, "kind": FAILURE_KINDS.get(failure.kind, "SYSTEM")}


def failure_to_proto(failure: dict[str, Any] | None) -> run_types_pb2.Failure | None:
    if failure is None:
        return None
    kind: Any = _FAILURE_NUMBERS.get(failure["kind"], 0)
    return run_types_pb2.Failure(**{**failure, "kind": kind})


def stop_to_proto(request: dict[str, Any] | None) -> run_types_pb2.StopRequest | None:
    """A wish that a run or a step stop; only those of steps have a grace."""
    if request is None:
        return None
    mode: Any = _STOP_MODES[request["mode"]]
    said = run_types_pb2.StopRequest(
        requester=request["requester"],
        mode=mode,
        reason=request["reason"],
        time=stamp(datetime.fromisoformat(request["time"])),
    )
    if "grace_s" in request:
        said.grace.FromTimedelta(timedelta(seconds=request["grace_s"]))
    return said


def settings_to_dict(settings: Mapping[str, step_settings_pb2.StepSettings]) -> dict[str, Any]:
    """How steps run, by their ids, for columns that hold that."""
    return {step: message_to_dict(own) for step, own in settings.items()}


def set_settings(settings: Any, plain: Mapping[str, Any]) -> None:
    """The other way round, into a map of messages."""
    for step, own in plain.items():
        json_format.ParseDict(own, settings[step])


def environment_to_dict(message: Message) -> dict[str, Any] | None:
    """The `environment` field of a message, None where it is absent."""
    if not message.HasField("environment"):
        return None
    return message_to_dict(message.environment)  # type: ignore[attr-defined]


def environment_to_proto(environment: dict[str, Any] | None) -> types_pb2.PythonEnvironment | None:
    return types_pb2.PythonEnvironment(**environment) if environment else None


def masked(message: Message, mask: FieldMask) -> dict[str, Any]:
    """The new values that an update asks for, by field; maps as plain ones, stacks by their ids."""
    values = {path: getattr(message, path) for path in resolve_update_mask(message, mask)}
    if "labels" in values:
        values["labels"] = dict(values["labels"])
    if "default_stack" in values:
        values["default_stack"] = names.last(values["default_stack"])
    return values


def caller() -> Caller:
    """Who makes the call under way."""
    return current_call.get().caller


def run_attempt(caller: Caller) -> int:
    """The attempt that a run token is for; 0 for everybody else."""
    return int(names.last(caller.subject)) if caller.kind is CallerKind.RUN else 0


def run_of(caller: Caller) -> tuple[str, str] | None:
    """The project and the id of the run whose token it is; None for everybody else."""
    if caller.kind is not CallerKind.RUN:
        return None
    project, run, _attempt = names.ids(caller.subject)
    return project, run


def uuid_or(text: str, make: Callable[[], UUID]) -> UUID:
    return UUID(text) if text else make()
