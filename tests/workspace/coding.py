"""Calls of CodeRepositoryService about the one code repository that a test has."""

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from tests.workspace.harness import Harness, spec_step
from weftapi.workspace.v1 import code_repositories_pb2 as pb
from weftapi.workspace.v1 import snapshot_types_pb2, snapshots_pb2

DEMO = "projects/demo"
MODELS = f"{DEMO}/codeRepositories/models"
URL = "https://git.example/team/models.git"
GIT, GITHUB, GITLAB = (
    pb.CODE_REPOSITORY_KIND_GIT,
    pb.CODE_REPOSITORY_KIND_GITHUB,
    pb.CODE_REPOSITORY_KIND_GITLAB,
)


def creation(id_: str = "models", **fields: Any) -> pb.CreateCodeRepositoryRequest:
    wanted = pb.CodeRepository(**{"kind": GIT, "url": URL, **fields})
    return pb.CreateCodeRepositoryRequest(
        parent=DEMO, code_repository_id=id_, code_repository=wanted
    )


async def register(
    ws: Harness, id_: str = "models", *, token: str | None = None, **fields: Any
) -> pb.CodeRepository:
    return await ws.code_repositories(token).CreateCodeRepository(creation(id_, **fields))


async def change(
    ws: Harness, *paths: str, token: str | None = None, **fields: Any
) -> pb.CodeRepository:
    wanted = pb.CodeRepository(**{"name": MODELS, **fields})
    return await ws.code_repositories(token).UpdateCodeRepository(
        pb.UpdateCodeRepositoryRequest(
            code_repository=wanted, update_mask=FieldMask(paths=paths) if paths else None
        )
    )


async def resolve(ws: Harness, revision: str = "") -> pb.ResolvedRevision:
    request = pb.ResolveRevisionRequest(name=MODELS, revision=revision)
    return await ws.code_repositories().ResolveRevision(request)


async def verify(ws: Harness) -> pb.VerifyCodeRepositoryResponse:
    request = pb.VerifyCodeRepositoryRequest(name=MODELS)
    return await ws.code_repositories().VerifyCodeRepository(request)


async def snapshot_of(
    ws: Harness, commit: str, *, request_id: str = "", token: str | None = None, **code: Any
) -> snapshot_types_pb2.Snapshot:
    """A snapshot of the code at a commit."""
    fields = {"code_repository": MODELS, "entrypoint": "train:train", "commit": commit, **code}
    snapshot = snapshot_types_pb2.Snapshot(
        pipeline=f"{DEMO}/pipelines/train",
        spec=snapshot_types_pb2.PipelineSpec(steps=[spec_step("load")]),
        code=snapshot_types_pb2.CodeArchive(**fields),
    )
    return await ws.snapshots(token).CreateSnapshot(
        snapshots_pb2.CreateSnapshotRequest(parent=DEMO, snapshot=snapshot, request_id=request_id)
    )
