"""Where a run of this process is recorded: the workspace in use, or a spool on this machine."""

from __future__ import annotations

import logging
import os
from dataclasses import replace

from weft._records import Recorder
from weft._settings import Settings
from weft._spool import SpoolRecorder
from weft._surroundings import surroundings
from weft.errors import ApiError, ContextError

_log = logging.getLogger("weft")
_TIMEOUT_S = 3.0
# How long the end of a run waits for a workspace that is away, before `weft sync` is left to it.
_CLOSE_TIMEOUT_S = 20.0


def choose_recorder(local: Settings) -> tuple[Recorder, Settings]:
    """The recorder for runs of this process, and the settings that go with it.

    With a context and a workspace that answers, the run is recorded there and its artifacts go
    to the workspace's store. Otherwise the spool keeps everything until `weft sync` hands it
    over. `WEFT_OFFLINE=1` asks for the spool.
    """
    from weft._contexts import ContextStore

    if surroundings.recorder is not None:
        return surroundings.recorder(local)
    if os.environ.get("WEFT_OFFLINE"):
        return SpoolRecorder(local.data), local
    try:
        if not ContextStore().current_name():
            return SpoolRecorder(local.data), local
        return of_workspace(local)
    except (ApiError, ContextError) as error:
        _log.warning(
            "the workspace does not answer (%s): the run is recorded on this machine; "
            "`weft sync` hands it over",
            error,
        )
        return SpoolRecorder(local.data), local


def of_workspace(local: Settings) -> tuple[Recorder, Settings]:
    """Record runs in the workspace of the context in use; raises ApiError, ContextError."""
    from weft._connection import Connection
    from weft._journal import JournaledRecorder
    from weft._remote import RemoteRecorder
    from weftapi.workspace.v1 import server_pb2, server_pb2_grpc

    connection = Connection.current()
    try:
        endpoint = connection.workspace
        stub = endpoint.stub(server_pb2_grpc.ServerServiceStub)
        request = server_pb2.GetServerInfoRequest()
        info = endpoint.call(stub.GetServerInfo, request, timeout_s=_TIMEOUT_S)
    except BaseException:
        connection.close()
        raise
    store = os.environ.get("WEFT_ARTIFACT_STORE") or info.artifact_store_uri
    settings = replace(
        local,
        artifact_store=store,
        project=connection.context.project,
        allow_pickle=local.allow_pickle and not info.pickle_refused,
    )
    remote = RemoteRecorder(endpoint, close_timeout_s=_CLOSE_TIMEOUT_S)
    spool = SpoolRecorder(local.data)
    return JournaledRecorder(remote, spool, release=connection.close), settings
