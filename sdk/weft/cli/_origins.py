"""Where settings come from: a flag, the environment, weft.toml, the user's context, a default."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weft._contexts import Context, ContextStore


@dataclass(frozen=True, slots=True)
class Origin:
    """A value that a setting has somewhere, and where that is."""

    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Given:
    """What a command was given, and the environment as it was before: flags are put into it."""

    flags: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: the variables that hold it, whether weft.toml may, and what it is else.

    `kept` gives what the user has chosen for a context, "" for nothing.
    """

    meaning: str
    variables: tuple[str, ...] = ()
    is_in_file: bool = False
    is_secret: bool = False
    kept: Callable[[ContextStore, Context], str] | None = None
    default: Callable[[], str] = str


def origins(name: str, context: Context | None, given: Given) -> Iterator[Origin]:
    """Everywhere that a setting has a value, the one that counts first."""
    from weft._contexts import ContextStore
    from weft._project_defaults import project_defaults

    setting = SETTINGS[name]
    if name in given.flags:
        yield Origin(given.flags[name], f"--{name}")
    for variable in setting.variables:
        if value := given.environment.get(variable):
            yield Origin("a key" if setting.is_secret else value, variable)
    if setting.is_in_file:
        file = project_defaults()
        if name in file.values:
            yield Origin(file.values[name], str(file.path))
    store = ContextStore()
    if setting.kept and context and (value := setting.kept(store, store.stored(context.name))):
        yield Origin(value, "chosen" if name == "context" else f"context {context.name}")
    if value := setting.default():
        yield Origin(value, "default")


def origin(name: str, context: Context | None, given: Given) -> Origin:
    """The value that counts, and where it comes from."""
    return next(origins(name, context, given), Origin("", "nowhere"))


def _sign_in(store: ContextStore, context: Context) -> str:
    """What is kept, never the secret itself."""
    kept = store.sign_in_of(context.name)
    if kept.personal_access_token:
        return "a key"
    return "a session" if kept.refresh_token or kept.tokens else "none"


def _data() -> str:
    import platformdirs

    return str(platformdirs.user_data_dir("weft", appauthor=False))


def _configuration() -> str:
    import platformdirs

    return str(platformdirs.user_config_dir("weft"))


def _artifacts() -> str:
    return str(Path(os.environ.get("WEFT_DATA_DIR") or _data()) / "artifacts")


SETTINGS: Mapping[str, Setting] = {
    "context": Setting(
        "The mesh that commands work with.",
        ("WEFT_CONTEXT",),
        is_in_file=True,
        kept=lambda store, _: store.chosen_name(),
    ),
    "project": Setting(
        "The project that commands work in.",
        ("WEFT_PROJECT",),
        is_in_file=True,
        kept=lambda _, context: context.project,
        default=lambda: "default",
    ),
    "stack": Setting(
        "The stack that runs are executed with.",
        ("WEFT_STACK",),
        is_in_file=True,
        kept=lambda _, context: context.stack,
        default=lambda: "left to the workspace",
    ),
    "output": Setting(
        "How results are printed.",
        ("WEFT_OUTPUT",),
        is_in_file=True,
        default=lambda: "table",
    ),
    "sign-in": Setting(
        "Who signs in, and how.",
        ("WEFT_API_KEY", "WEFT_TOKEN"),
        is_secret=True,
        kept=_sign_in,
    ),
    "credentials": Setting(
        "Where sign-ins are kept: a file, or the system's keyring.",
        ("WEFT_CREDENTIALS",),
        default=lambda: "file",
    ),
    "transport": Setting(
        "How servers are reached: gRPC, or HTTP/1.1 through the gateway.",
        ("WEFT_TRANSPORT",),
        default=lambda: "auto",
    ),
    "configuration": Setting(
        "Where contexts and sign-ins are kept.", ("WEFT_CONFIG_DIR",), default=_configuration
    ),
    "data": Setting(
        "Where `weft up` and local runs keep their data.", ("WEFT_DATA_DIR",), default=_data
    ),
    "artifact-store": Setting(
        "Where local runs keep artifacts.", ("WEFT_ARTIFACT_STORE",), default=_artifacts
    ),
}
