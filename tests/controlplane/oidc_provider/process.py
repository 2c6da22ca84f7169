"""The Node process in which the providers run, and their side of each test."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

HERE = Path(__file__).parent
MISSING = "npm's oidc-provider is not installed (`make oidc-provider`): its tests do not run"


class Providers:
    """Starts providers in one process of Node's."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", "--no-warnings", str(HERE / "server.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    @classmethod
    def launch(cls) -> Self:
        """Skips the test where Node or the package is missing; fails it in CI."""
        if shutil.which("node") is None or not (HERE / "node_modules/oidc-provider").exists():
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(MISSING)
        return cls()

    def ask(self, **command: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def start(self, clients: list[dict[str, Any]], accounts: dict[str, Any]) -> "RealProvider":
        issuer = self.ask(start={"clients": clients, "accounts": accounts})["issuer"]
        return RealProvider(self, issuer)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)
        assert self._process.stdout is not None
        self._process.stdout.close()


@dataclass(frozen=True)
class RealProvider:
    """One issuer."""

    providers: Providers
    issuer: str

    def rotate_keys(self) -> None:
        self.providers.ask(rotate=self.issuer)

    def set_account(self, login: str, **claims: Any) -> None:
        self.providers.ask(account=self.issuer, login=login, claims=claims)
