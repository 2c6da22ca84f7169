"""GitHub and GitLab as far as code is read there: their REST APIs over a real repository.

Paths, statuses and bodies are those of the documentation of both; what a name means, and what
is in an archive, git itself says.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

TOKEN = "a-token-that-reads-code"
PROJECT = "team/models"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class FakeHost:
    """What both have in common; a test sets what goes wrong."""

    repository: Path
    is_private: bool = True
    # Answered to every call of the API instead of what is right.
    failure: tuple[int, dict[str, str]] | None = None
    # Where archives are said to be, and what they hold, instead of the truth.
    archive_at: str = ""
    archive: bytes | None = None
    # Never answers, once set.
    hangs: bool = False
    host: str = ""
    calls: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.host}/{PROJECT}.git"

    def git(self, *arguments: str) -> bytes | None:
        done = subprocess.run(
            ["git", f"--git-dir={self.repository}", *arguments], capture_output=True, check=False
        )
        return done.stdout if done.returncode == 0 else None

    def find(self, revision: str) -> str | None:
        """The commit that a name means; None for none."""
        found = self.git("rev-parse", "--verify", "--quiet", "--end-of-options", revision)
        kind = self.git("cat-file", "-t", found.decode().strip()) if found else None
        if kind not in (b"commit\n", b"tag\n"):
            return None
        commit = self.git("rev-parse", f"{revision}^{{commit}}")
        return commit.decode().strip() if commit else None

    def show(self, commit: str, form: str) -> str:
        return (self.git("log", "-1", f"--format={form}", commit) or b"").decode().rstrip("\n")

    def packed(self, commit: str, folder: str) -> bytes:
        made = self.git("archive", "--format=tar.gz", f"--prefix={folder}/", commit)
        return self.archive if self.archive is not None else (made or b"")

    def guarded(self, handler: Handler, *, api: bool = True) -> Handler:
        """A handler behind the door of the API, and what a test wants to go wrong."""

        async def handle(request: web.Request) -> web.StreamResponse:
            self.calls.append(request.raw_path)
            given = request.headers.get("authorization", "")
            self.tokens.append(given)
            if self.hangs:
                await asyncio.Event().wait()
            if self.failure and api:
                status, headers = self.failure
                return web.json_response({"message": "No."}, status=status, headers=headers)
            if given not in ("", f"Bearer {TOKEN}") and api:
                return web.json_response({"message": "Bad credentials"}, status=401)
            if self.is_private and not given and api:
                return web.json_response({"message": "Not Found"}, status=404)
            return await handler(request)

        return handle


class FakeGitHub(FakeHost):
    """`/api/v3`, as GitHub Enterprise has it; archives are on another host, behind a redirect."""

    def routes(self) -> list[web.RouteDef]:
        repo = f"/api/v3/repos/{PROJECT}"
        return [
            web.get(repo, self.guarded(self._about)),
            web.get(repo + "/commits/{ref:.+}", self.guarded(self._find)),
            web.get(repo + "/git/commits/{sha}", self.guarded(self._commit)),
            web.get(repo + "/tarball/{ref:.+}", self.guarded(self._tarball)),
            web.get("/codeload/{sha}", self.guarded(self._download, api=False)),
            web.get("/{rest:.*}", self.guarded(_not_found)),
        ]

    async def _about(self, _request: web.Request) -> web.Response:
        return web.json_response({"full_name": PROJECT, "default_branch": "main"})

    async def _find(self, request: web.Request) -> web.Response:
        ref = request.match_info["ref"]
        if self.git("rev-parse", "--verify", "--quiet", "HEAD") is None:
            return web.json_response({"message": "Git Repository is empty."}, status=409)
        commit = self.find(ref)
        if commit is None:
            return web.json_response({"message": f"No commit found for SHA: {ref}"}, status=422)
        assert request.headers["accept"] == "application/vnd.github.sha"
        return web.Response(text=commit, content_type="application/vnd.github.sha")

    async def _commit(self, request: web.Request) -> web.Response:
        sha = request.match_info["sha"]
        if self.git("cat-file", "-t", sha) != b"commit\n":
            return await _not_found(request)
        committer = {"name": "Ada", "date": self.show(sha, "%cI").replace("+00:00", "Z")}
        message = self.show(sha, "%B")
        return web.json_response({"sha": sha, "committer": committer, "message": message})

    async def _tarball(self, request: web.Request) -> web.Response:
        sha = request.match_info["ref"]
        if self.find(sha) is None:
            return await _not_found(request)
        there = self.archive_at or f"http://{self.host}/codeload/{sha}?token=once"
        return web.Response(status=302, headers={"location": there})

    async def _download(self, request: web.Request) -> web.Response:
        sha = request.match_info["sha"]
        folder = f"{PROJECT.replace('/', '-')}-{sha[:7]}"
        return web.Response(body=self.packed(sha, folder), content_type="application/x-gzip")


class FakeGitLab(FakeHost):
    """`/api/v4`, where a project's path is one part of the API's."""

    def routes(self) -> list[web.RouteDef]:
        project = "/api/v4/projects/{project:[^/]+}"
        return [
            web.get(project, self.guarded(self._about)),
            web.get(project + "/repository/commits/{ref:[^/]+}", self.guarded(self._commit)),
            web.get(project + "/repository/archive.tar.gz", self.guarded(self._archive)),
            web.get("/{rest:.*}", self.guarded(_not_found)),
        ]

    async def _about(self, request: web.Request) -> web.Response:
        if request.match_info["project"] != PROJECT:
            return web.json_response({"message": "404 Project Not Found"}, status=404)
        is_empty = self.git("rev-parse", "--verify", "--quiet", "HEAD") is None
        branch = None if is_empty else "main"
        return web.json_response({"path_with_namespace": PROJECT, "default_branch": branch})

    async def _commit(self, request: web.Request) -> web.Response:
        commit = self.find(request.match_info["ref"])
        if commit is None or request.match_info["project"] != PROJECT:
            return web.json_response({"message": "404 Commit Not Found"}, status=404)
        return web.json_response(
            {
                "id": commit,
                "title": self.show(commit, "%s"),
                "committed_date": self.show(commit, "%cI").replace("+00:00", ".000+00:00"),
            }
        )

    async def _archive(self, request: web.Request) -> web.Response:
        sha = request.query["sha"]
        if self.find(sha) is None:
            return web.json_response({"message": "404 File Not Found"}, status=404)
        if self.archive_at:
            return web.Response(status=302, headers={"location": self.archive_at})
        folder = f"models-{sha}-{sha}"
        return web.Response(body=self.packed(sha, folder), content_type="application/gzip")


async def _not_found(_request: web.Request) -> web.Response:
    return web.json_response({"message": "Not Found"}, status=404)


@asynccontextmanager
async def serving(host: FakeGitHub | FakeGitLab) -> AsyncIterator[None]:
    """Serves it on a loopback port until the block ends."""
    app = web.Application()
    app.add_routes(host.routes())
    # What it never answers must not keep it from closing.
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host.host = f"127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield
    finally:
        await runner.cleanup()
