"""Conditions of runs as messages."""

from typing import Any

from google.protobuf import json_format
from google.protobuf.struct_pb2 import Value

from weftapi.workspace.v1 import reports_pb2, run_types_pb2, runs_pb2
from workspace import names
from workspace.operations.conditions import Answer, NewCondition
from workspace.servicers.converting import (
    caller,
    numbers,
    plain_value,
    run_attempt,
    stamp,
    struct_to_dict,
    time_of,
)
from workspace.store.schema_conditions import RunCondition

_STATES = numbers(run_types_pb2.RunConditionState)


def new_condition(request: reports_pb2.CreateRunConditionRequest) -> NewCondition:
    project, run = names.ids(request.parent)
    said = request.run_condition
    has_schema = said.HasField("answer_schema")
    return NewCondition(
        project=project,
        run=run,
        id=request.condition_id,
        question=said.question,
        step=said.step_id,
        answer_schema=struct_to_dict(said.answer_schema) if has_schema else None,
        approvers=list(said.approvers),
        expire_time=time_of(said, "expire_time"),
        attempt=run_attempt(caller()),
    )


def answer_of(request: runs_pb2.ResolveRunConditionRequest) -> Answer:
    has_value = request.HasField("answer")
    return Answer(
        is_approval=request.decision == runs_pb2.CONDITION_DECISION_APPROVE,
        resolver=caller().subject,
        value={"value": plain_value(request.answer)} if has_value else None,
        comment=request.comment,
    )


def condition_to_proto(row: RunCondition) -> run_types_pb2.RunCondition:
    state: Any = _STATES[row.state]
    condition = run_types_pb2.RunCondition(
        name=row.name,
        uid=str(row.uid),
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        question=row.question,
        step_id=row.step,
        approvers=row.approvers,
        expire_time=stamp(row.expire_time),
        state=state,
        resolver=row.resolver,
        resolve_time=stamp(row.resolve_time),
        comment=row.comment,
    )
    if row.answer_schema is not None:
        condition.answer_schema.update(row.answer_schema)
    if row.answer is not None:
        condition.answer.CopyFrom(json_format.ParseDict(row.answer["value"], Value()))
    return condition
