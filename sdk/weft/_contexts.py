"""Contexts: which mesh, organization, workspace and project the SDK and the CLI talk to.

They live in `contexts.json` in the user's configuration directory (`WEFT_CONFIG_DIR` moves
it), secrets apart (`weft._credentials`). `weft.toml` of the project
at hand wins over what was chosen there, and the environment over both: `WEFT_CONTEXT` picks a
context, `WEFT_PROJECT` a project, `WEFT_STACK` a stack; `WEFT_API_KEY` or `WEFT_TOKEN` is an API
key or a personal access token, used instead of the stored sign-in.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Protocol

from weft._credentials import credentials, read_document, write_document
from weft._project_defaults import project_defaults
from weft.errors import ContextError


@dataclass(frozen=True, slots=True)
class Context:
    """A place to work in.

    Attributes:
        control_plane: `host:port` of the control plane.
        organization: `organizations/<id>`.
        workspace: `organizations/<id>/workspaces/<id>`.
        workspace_endpoint: `host:port` of the workspace server; of replicas, with commas between.
        project: Id of the project that commands use.
        ca_pem: The CA that the servers' certificates come from; empty for public CAs.
        gateway: Base URL of the HTTP gateway; empty where there is none.
        dashboard: Base URL of the dashboard; empty where it is the gateway's.
        stack: Id of the stack that runs are executed with; empty leaves it to the workspace.
    """

    name: str
    control_plane: str
    organization: str = ""
    workspace: str = ""
    workspace_endpoint: str = ""
    project: str = "default"
    ca_pem: str = ""
    gateway: str = ""
    stack: str = ""
    dashboard: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """The secrets of one context: a refresh token or a long-lived one, and short tokens.

    `personal_access_token` may hold an API key of a service account as well.

    `tokens` maps an audience ("controlplane" or a workspace's name) to (token, end in seconds
    since the epoch).
    """

    refresh_token: str = ""
    personal_access_token: str = ""
    tokens: Mapping[str, tuple[str, float]] = field(default_factory=dict)


def config_directory() -> Path:
    """The directory that holds contexts and secrets."""
    if directory := os.environ.get("WEFT_CONFIG_DIR"):
        return Path(directory)
    import platformdirs

    return platformdirs.user_config_path("weft")


Keep = Callable[[SignIn], None]


class Secrets(Protocol):
    """Where the secrets of contexts are kept."""

    def sign_in_of(self, name: str) -> SignIn: ...

    def changing(self, name: str) -> contextlib.AbstractContextManager[Keep]: ...

    def trust(self, name: str, ca_pem: str) -> None: ...


class MemorySecrets:
    """Secrets of this process alone: those of `WEFT_API_KEY`, which are never stored."""

    def __init__(self, secrets: SignIn) -> None:
        self._secrets = secrets
        self._lock = threading.Lock()

    def sign_in_of(self, name: str) -> SignIn:  # noqa: ARG002 - there is one context
        return self._secrets

    @contextlib.contextmanager
    def changing(self, name: str) -> Iterator[Keep]:  # noqa: ARG002
        def keep(secrets: SignIn) -> None:
            self._secrets = secrets

        with self._lock:
            yield keep

    def trust(self, name: str, ca_pem: str) -> None:
        """Nothing of this process is kept."""


class ContextStore:
    """Contexts and secrets on disk. Processes may share it: changes of secrets hold a lock."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory or config_directory()
        self._contexts = self._directory / "contexts.json"
        self._credentials = credentials(self._directory)

    def names(self) -> list[str]:
        """All contexts, sorted."""
        return sorted(read_document(self._contexts).get("contexts", {}))

    def current_name(self) -> str:
        """The context in use, or an empty string where there is none."""
        named = os.environ.get("WEFT_CONTEXT") or project_defaults().values.get("context")
        return named or self.chosen_name()

    def chosen_name(self) -> str:
        """The context that the user chose last, whatever the environment and weft.toml say."""
        return str(read_document(self._contexts).get("current", ""))

    def current(self) -> Context:
        """The context in use; raises ContextError where there is none."""
        name = self.current_name()
        if not name:
            raise ContextError(
                "you are not signed in to any mesh: run `weft up` for one on this machine, or "
                "`weft login HOST:PORT` for your team's"
            )
        return self.get(name)

    def get(self, name: str) -> Context:
        """One context, with project and stack as the environment, then weft.toml, say.

        Raises ContextError where it is unknown.
        """
        context = self.stored(name)
        defaults = project_defaults().values
        project = os.environ.get("WEFT_PROJECT") or defaults.get("project") or context.project
        stack = os.environ.get("WEFT_STACK") or defaults.get("stack") or context.stack
        return replace(context, project=project, stack=stack)

    def stored(self, name: str) -> Context:
        """One context as the user chose it; raises ContextError where it is unknown."""
        stored = read_document(self._contexts).get("contexts", {}).get(name)
        if stored is None:
            known = ", ".join(self.names()) or "none"
            raise ContextError(f"there is no context {name!r}; known are: {known}")
        # A newer version may have kept more than this one knows.
        known_fields = {f.name for f in fields(Context)} & stored.keys()
        return Context(name=name, **{field: stored[field] for field in known_fields})

    def change(self, name: str, **values: str) -> Context:
        """Changes fields of a context; what the environment and weft.toml say is not kept."""
        changed = replace(self.stored(name), **values)
        self.put(changed, is_current=False)
        return changed

    def put(self, context: Context, *, is_current: bool = True) -> None:
        """Keeps a context, and makes it the one in use."""
        with self._locked():
            document = read_document(self._contexts)
            values = asdict(context)
            del values["name"]
            document.setdefault("contexts", {})[context.name] = values
            if is_current:
                _make_current(document, context.name)
            write_document(self._contexts, document)

    def trust(self, name: str, ca_pem: str) -> None:
        """Replaces the CA of a context, from the next command on."""
        with self._locked():
            document = read_document(self._contexts)
            if name in document.get("contexts", {}):
                document["contexts"][name]["ca_pem"] = ca_pem
                write_document(self._contexts, document)

    def use(self, name: str) -> None:
        """Makes a context the one in use; `-` is the one before. Raises ContextError."""
        with self._locked():
            document = read_document(self._contexts)
            chosen = str(document.get("previous", "")) if name == "-" else name
            if not chosen:
                raise ContextError("no other context was in use before this one")
            self.get(chosen)
            _make_current(document, chosen)
            write_document(self._contexts, document)

    def delete(self, name: str) -> None:
        """Forgets a context with its secrets; raises ContextError where it is unknown."""
        with self._locked():
            document = read_document(self._contexts)
            self.get(name)
            del document["contexts"][name]
            for role in ("current", "previous"):
                if document.get(role) == name:
                    document[role] = ""
            write_document(self._contexts, document)
        self.sign_out(name)

    def sign_in_of(self, name: str) -> SignIn:
        """The secrets of a context; empty ones where nobody signed in."""
        stored = self._credentials.get(name)
        tokens = {
            key: (token, float(end)) for key, (token, end) in stored.get("tokens", {}).items()
        }
        return SignIn(
            stored.get("refresh_token", ""), stored.get("personal_access_token", ""), tokens
        )

    def sign_in(self, name: str, secrets: SignIn) -> None:
        """Keeps the secrets of a context."""
        with self.changing(name) as change:
            change(secrets)

    @contextlib.contextmanager
    def changing(self, name: str) -> Iterator[Keep]:
        """Holds the lock while secrets change: yields a function that keeps the new ones.

        A refresh token works once; two processes that used the same one would end the session.
        """

        def keep(secrets: SignIn) -> None:
            self._credentials.put(name, asdict(secrets))

        with self._locked():
            yield keep

    def sign_out(self, name: str) -> None:
        """Forgets the secrets of a context."""
        with self._locked():
            self._credentials.remove(name)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._directory / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _make_current(document: dict[str, Any], name: str) -> None:
    current = document.get("current")
    if current != name:
        document["current"], document["previous"] = name, current or ""
