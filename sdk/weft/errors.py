"""Everything that Weft raises.

WeftError
├── TracingError                  a pipeline that cannot become a graph
│   ├── HandleUsedAsValueError    the result of a step used before the step has run
│   ├── CycleError                steps that wait for each other
│   ├── ArgumentError             wrong arguments of a step
│   └── ConstantError             a constant that cannot be stored
├── ParameterError                a parameter of a pipeline that does not fit its type
├── OutputError                   a step returned something else than it declared
├── MaterializerError             a value that cannot be stored or loaded
│   ├── PickleRefusedError        pickle, where the policy refuses it
│   └── ArtifactCorruptedError    stored content that differs from its recorded hash
├── ArtifactStoreError            a store that refuses a path or cannot be reached
├── StepFailedError               raised in a pipeline that looks at the result of a failed step
├── NoActiveStepError             asked for the running step where none runs
├── ItemFailedError               stands for a failed item in the result of a fan-out
├── NonRetryableError             raised by a step: retrying cannot help
│   └── ApprovalError             people were asked, and did not say yes
├── StepStoppedError              raised inside a step that was told to stop
├── RunError                      a run that did not succeed; carries `run`
│   ├── RunFailedError
│   └── RunStoppedError
│       └── RunInterruptedError
├── RecordingError                the workspace did not take the whole record of a run
├── SubmitError                   a file that cannot be handed to a workspace
├── ConfigError                   settings of a run that do not fit, with file and line
├── ImageError                    an image that cannot be built or pushed
├── RunnerError                   a runner cannot execute its run
├── MeshStartError                `weft up` could not start a mesh
├── ContextError                  no mesh is chosen, or its settings are unusable
│   └── ProjectFileError          weft.toml says what nobody reads
└── ApiError                      a server refused a call, or cannot be reached
    ├── InvalidRequestError       the request is wrong, whatever the state
    ├── NotSignedInError          no valid sign-in
    ├── NotPermittedError         not granted, or might not exist
    ├── NotFoundError             no such resource
    ├── ConflictError             taken, changed meanwhile, or in the wrong state
    ├── OutOfRangeError           a cursor outside of history
    └── UnavailableError          not reachable, too slow, or too busy: try again
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weft._records import Failure
    from weft._run import Run

__all__ = [
    "ApiError",
    "ApprovalError",
    "ArgumentError",
    "ArtifactCorruptedError",
    "ArtifactStoreError",
    "ConfigError",
    "ConflictError",
    "ConstantError",
    "ContextError",
    "CycleError",
    "HandleUsedAsValueError",
    "ImageError",
    "InvalidRequestError",
    "ItemFailedError",
    "MaterializerError",
    "MeshStartError",
    "NoActiveStepError",
    "NonRetryableError",
    "NotFoundError",
    "NotPermittedError",
    "NotSignedInError",
    "OutOfRangeError",
    "OutputError",
    "ParameterError",
    "PickleRefusedError",
    "PickleWarning",
    "ProjectFileError",
    "RecordingError",
    "RunError",
    "RunFailedError",
    "RunInterruptedError",
    "RunStoppedError",
    "RunnerError",
    "StepFailedError",
    "StepStoppedError",
    "SubmitError",
    "TracingError",
    "UnaskableWarning",
    "UnavailableError",
    "UncacheableWarning",
    "WeftError",
]


class WeftError(Exception):
    """The root of everything that Weft raises on purpose."""


class TracingError(WeftError):
    """A pipeline function cannot be turned into a graph."""


class HandleUsedAsValueError(TracingError):
    """The result of a step was used as a value while the pipeline was still being drawn."""


class CycleError(TracingError):
    """Steps wait for each other."""


class ArgumentError(TracingError):
    """A step was called with arguments that its function does not take."""


class ConstantError(TracingError):
    """A constant passed to a step cannot be stored with the graph."""


class ParameterError(WeftError):
    """A parameter is unknown, missing, or does not fit its type."""


class OutputError(WeftError):
    """A step returned something else than its outputs declare."""


class MaterializerError(WeftError):
    """A value cannot be stored, or stored content cannot be loaded."""


class PickleRefusedError(MaterializerError):
    """The value needs pickle, and the policy refuses it."""


class ArtifactCorruptedError(MaterializerError):
    """Stored content differs from the hash that was recorded with it."""


class ArtifactStoreError(WeftError):
    """The artifact store refuses a path or cannot be reached."""


class NoActiveStepError(WeftError):
    """`context()` was called where no step runs."""


class ItemFailedError(WeftError):
    """Stands in the result of `step.map(..., return_exceptions=True)` for an item that failed."""


class NonRetryableError(WeftError):
    """Raise it in a step to fail at once: its retries are not used."""


class ApprovalError(NonRetryableError):
    """Raised by `wait_for_approval` where the answer is no, or none came in time."""


class StepFailedError(WeftError):
    """Raised in a pipeline's function where it looks at the result of a step that failed.

    Attributes:
        step: Id of the step.
        failure: Why it failed.
    """

    def __init__(self, step: str, failure: Failure) -> None:
        what = f"{failure.exception}: " if failure.exception else ""
        super().__init__(f"step {step} failed: {what}{failure.message}")
        self.step = step
        self.failure: Failure = replace(failure, step=failure.step or step)


class StepStoppedError(WeftError):
    """Raised in a step by `context().check_stop()` once somebody asked the run to stop.

    In a pipeline's function, where it looks at the result of a step that was stopped.
    """


class RunError(WeftError):
    """A run ended without success; `run` holds its steps and outputs."""

    def __init__(self, message: str, run: Run[Any]) -> None:
        super().__init__(message)
        self.run = run


class RunFailedError(RunError):
    """A step failed."""


class RunStoppedError(RunError):
    """Somebody stopped the run."""


class RunInterruptedError(RunStoppedError):
    """Ctrl-C stopped the run; a program that does not catch it ends with exit code 130."""


class RecordingError(WeftError):
    """The workspace did not take the whole record of a run."""


class SubmitError(WeftError):
    """A file holds no pipeline that can be handed to a workspace."""


class ConfigError(WeftError):
    """Settings of a run do not fit; each line of the message says where, what, and the fix."""


class SecretError(WeftError):
    """A step asked for a secret that it does not name, or for a key that the secret lacks."""


class ImageError(WeftError):
    """An image cannot be built or pushed; where a builder refused, in its own words."""


class RunnerError(WeftError):
    """A runner cannot execute its run."""


class MeshStartError(WeftError):
    """A mesh on this machine could not be started."""


class ContextError(WeftError):
    """No mesh is chosen, or its settings on this machine are unusable."""


class ProjectFileError(ContextError):
    """`weft.toml` cannot be read, or says what nobody reads."""


class ApiError(WeftError):
    """A server refused a call, or cannot be reached.

    `code` is the gRPC code's number, `reason` a name from `weftapi.common.v1.ErrorReason`, and
    `metadata` what varies. `request_id` finds the call in the server's log. `detail` is what the
    transport said where no server did: for those who look closely.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int = 2,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[tuple[str, str]] = (),
        request_id: str = "",
        detail: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.metadata: dict[str, str] = dict(metadata or {})
        self.violations: tuple[tuple[str, str], ...] = tuple(violations)
        self.request_id = request_id
        self.detail = detail


class InvalidRequestError(ApiError):
    """The request is wrong, whatever the state; `violations` names the fields."""


class NotSignedInError(ApiError):
    """There is no valid sign-in."""


class NotPermittedError(ApiError):
    """It is not granted, or might not exist."""


class NotFoundError(ApiError):
    """There is no such resource."""


class ConflictError(ApiError):
    """The name is taken, somebody else was faster, or the state forbids it."""


class OutOfRangeError(ApiError):
    """The cursor lies outside of what the server still has."""


class UnavailableError(ApiError):
    """The server cannot be reached, is too slow or too busy: try again."""


_ERROR_OF_CODE: dict[int, type[ApiError]] = {
    3: InvalidRequestError,
    4: UnavailableError,
    5: NotFoundError,
    6: ConflictError,
    7: NotPermittedError,
    8: UnavailableError,
    9: ConflictError,
    10: ConflictError,
    11: OutOfRangeError,
    14: UnavailableError,
    16: NotSignedInError,
}


# What the transport says, and what that means.
_CAUSES = (
    ("proxy ", "the proxy that HTTPS_PROXY names does not answer"),
    ("Tunnel connection failed: 407", "the proxy wants a name and a password in HTTPS_PROXY"),
    ("Tunnel connection failed", "the proxy does not connect to it"),
    ("of no gateway", "what answers there is no gateway of Weft"),
    ("Hostname mismatch", "its certificate is for another name"),
    ("IP address mismatch", "its certificate is for another name"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate does not come from the CA of this context"),
    ("Hostname Verification", "its certificate is for another name"),
    ("Peer name", "its certificate is for another name"),
    ("WRONG_VERSION_NUMBER", "it does not speak TLS there"),
    ("Connection refused", "nothing listens there"),
    ("DNS", "its name is not known"),
    ("Name or service", "its name is not known"),
    ("No route", "there is no way to it from here"),
    ("unreachable", "there is no way to it from here"),
    ("Socket closed", "the connection broke"),
    ("reset", "the connection broke"),
)


def error_from_rpc(error: Any, target: str = "") -> ApiError:
    """Turns a `grpc.RpcError` into ours: the only place in the SDK that knows gRPC's codes."""
    from google.protobuf.message import DecodeError
    from google.rpc import error_details_pb2, status_pb2

    code = int(error.code().value[0])
    trailers = dict(error.trailing_metadata() or ())
    try:
        status = status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))
    except (DecodeError, TypeError):
        status = status_pb2.Status()
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    raw = str(error.details() or "")
    return _ERROR_OF_CODE.get(code, ApiError)(
        status.message or _in_words(code, raw, target or "the server"),
        code=code,
        reason=info.reason,
        metadata=info.metadata,
        violations=[(v.field, v.description) for v in bad.field_violations],
        request_id=str(trailers.get("x-request-id", "")),
        detail="" if status.message else raw,
    )


def _in_words(code: int, raw: str, target: str) -> str:
    """A sentence for what gRPC itself reports: nobody should have to read a handshake dump."""
    cause = next((words for sign, words in _CAUSES if sign in raw), "no connection")
    words = {
        1: "the call was cancelled",
        2: f"{target} failed without saying why",
        4: f"{target} did not answer in time",
        8: f"{target} cannot take a message this large",
        12: f"{target} does not know this call: it is of another version, or no Weft server",
        13: f"{target} failed without saying why",
        14: f"{target} cannot be reached: {cause}",
    }
    return words.get(code) or raw or "the call failed"


class PickleWarning(UserWarning):
    """An output had no typed materializer and was pickled."""


class UnaskableWarning(UserWarning):
    """A step asks people, and the run has no workspace that could ask them."""


class UncacheableWarning(UserWarning):
    """A step cannot be cached because of one of its inputs."""
