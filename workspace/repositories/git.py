"""Repositories that speak git's own protocol: over https, and git:// under development."""

import base64
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from meshkit.egress import Egress, EgressError, EgressPolicy
from meshkit.errors import MeshError
from workspace.repositories.failures import (
    ambiguous,
    forbidden,
    missing,
    rejected,
    unavailable,
    unknown,
    unusable,
)
from workspace.repositories.git_process import Git, GitError, TooMuchError
from workspace.repositories.model import Commit, Head, Place, Tarball
from workspace.repositories.revisions import is_commit_id, is_short_id, subject_of

_MAX_REFS_BYTES = 16 << 20
_MAX_PACK_BYTES = 512 << 20
_PORTS = {"https": 443, "http": 80, "git": 9418}
_FETCH = (
    "fetch",
    "--quiet",
    "--depth=1",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
)
# Hosts that can leave files out are told by the configuration of a partial clone.
_WITHOUT_FILES = (
    *("-c", "remote.origin.promisor=true"),
    *("-c", "remote.origin.partialCloneFilter=tree:0"),
)
# What git says, and what it means; the first that fits.
_SAID = (
    (("Authentication failed", "could not read Username", "error: 401"), rejected),
    (("error: 403",), forbidden),
    (("not exported", "not found", "error: 404", "does not appear to be a git"), missing),
)
_OWN_WORDS = ("fatal: unable to", "fatal: this server")
_NO_COMMIT = ("not our ref", "unadvertised object", "remote ref", "expected commit type")


class GitHost:
    """One repository, through git."""

    def __init__(self, place: Place, egress: Egress, policy: EgressPolicy) -> None:
        self._place = place
        self._egress = egress
        self._policy = policy

    async def head(self) -> Head:
        refs, branch = await self._refs("HEAD")
        if "HEAD" not in refs:
            raise unknown(self._place.name, "")
        return Head(branch, await self._describe(refs["HEAD"]))

    async def resolve(self, revision: str) -> Commit:
        if not revision:
            return (await self.head()).commit
        if is_commit_id(revision):
            return await self._describe(revision)
        return await self._describe(await self._named(revision))

    async def fetch(self, commit: str, directory: Path) -> Tarball:
        async with self._git(directory) as git:
            await self._run(git, "init", "--quiet", "--bare", ".")
            await self._run(git, *_FETCH, "origin", commit, of=commit)
            form = ("--format=tar", "--output=code.tar")
            await self._run(git, "archive", *form, f"{commit}^{{commit}}", of=commit)
        return Tarball(directory / "code.tar", 0)

    async def _named(self, revision: str) -> str:
        """The commit of a branch or a tag, or of the only one of them whose id begins so."""
        wanted = (revision, f"refs/heads/{revision}", f"refs/tags/{revision}")
        refs, _ = await self._refs(*wanted, *(f"{name}^{{}}" for name in wanted))
        found = {_peeled(refs, name) for name in wanted if name in refs}
        if not found and is_short_id(revision):
            refs, _ = await self._refs()
            tips = {_peeled(refs, name) for name in refs if not name.endswith("^{}")}
            found = {tip for tip in tips if tip.startswith(revision)}
        if not found:
            raise unknown(self._place.name, revision)
        if len(found) > 1:
            raise ambiguous(self._place.name, revision)
        return found.pop()

    async def _refs(self, *patterns: str) -> tuple[dict[str, str], str]:
        """Ids by the names of refs, and the branch that is the default one."""
        with tempfile.TemporaryDirectory(prefix="weft-git-") as home:
            async with self._git(Path(home)) as git:
                listing = await self._run(
                    git, "ls-remote", "--symref", "origin", *patterns, max_bytes=_MAX_REFS_BYTES
                )
        refs, branch = {}, ""
        for line in listing.decode(errors="replace").splitlines():
            value, _, name = line.partition("\t")
            if value.startswith("ref: "):
                branch = value.removeprefix("ref: refs/heads/") if name == "HEAD" else branch
            else:
                refs[name] = value
        return refs, branch

    async def _describe(self, commit: str) -> Commit:
        with tempfile.TemporaryDirectory(prefix="weft-git-") as home:
            async with self._git(Path(home)) as git:
                await self._run(git, "init", "--quiet", "--bare", ".")
                await self._run(git, *_WITHOUT_FILES, *_FETCH, "origin", commit, of=commit)
                form = ("--no-show-signature", "--format=%H%x00%ct%x00%s")
                told = await self._run(git, "log", "-1", *form, f"{commit}^{{commit}}", of=commit)
        id_, seconds, subject = told.decode(errors="replace").split("\0", 2)
        return Commit(id_, datetime.fromtimestamp(int(seconds), UTC), subject_of(subject))

    async def _run(
        self, git: Git, *arguments: str, of: str = "", max_bytes: int = 1 << 16
    ) -> bytes:
        try:
            return await git.run(*arguments, max_bytes=max_bytes)
        except TooMuchError as error:
            raise unusable(self._place.name, "there is more of it than is taken") from error
        except GitError as error:
            raise self._meaning(str(error), of) from error

    def _meaning(self, said: str, of: str) -> MeshError:
        name = self._place.name
        if of and any(words in said for words in _NO_COMMIT):
            return unknown(name, of)
        for words, refusal in _SAID:
            if any(each in said for each in words):
                return refusal(name)
        # Nothing that the host itself wrote, which may repeat what was sent to it.
        own = [line for line in said.splitlines() if line.startswith(_OWN_WORDS)]
        told = f"cannot be asked ({own[0]})" if own else "does not answer as git would"
        return unavailable(name, told)

    @asynccontextmanager
    async def _git(self, home: Path) -> AsyncIterator[Git]:
        """Git with the repository as its `origin`, at the addresses that were checked."""
        url, pinned = await self._checked()
        config = {"remote.origin.url": url}
        if pinned:
            config["http.curloptResolve"] = pinned
        if self._place.token:
            pair = f"{self._place.username or 'git'}:{self._place.token}".encode()
            login = base64.b64encode(pair).decode()
            config[f"http.{self._place.host}/.extraHeader"] = f"Authorization: Basic {login}"
        if self._policy.ca_file:
            config["http.sslCAInfo"] = str(_bundle(home, self._policy.ca_file))
        yield Git(home, urlsplit(url).scheme, config, _MAX_PACK_BYTES)

    async def _checked(self) -> tuple[str, str]:
        """The URL to use, and the addresses of its host for those who would look them up."""
        parts = urlsplit(self._place.url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        # Git's bare protocol hides nothing, and goes where plain http may.
        scheme = "https" if parts.scheme == "https" else "http"
        try:
            addresses = await self._egress.resolve(host)
            for address in addresses:
                self._policy.require(address, scheme)
        except EgressError as error:
            raise unavailable(self._place.name, f"cannot be asked: {error}") from error
        texts = [f"[{each}]" if each.version == 6 else str(each) for each in addresses]  # noqa: PLR2004
        if parts.scheme == "git":
            return urlunsplit(parts._replace(netloc=f"{texts[0]}:{port}")), ""
        return self._place.url, f"{host}:{port}:{','.join(texts)}"


def _peeled(refs: dict[str, str], name: str) -> str:
    """The commit behind a ref: a tag may be an object of its own."""
    return refs.get(f"{name}^{{}}", refs[name])


def _bundle(home: Path, own: Path) -> Path:
    """The CAs of the system and those of the operator, in one file: git knows one."""
    bundle, system = home / "ca.pem", ssl.get_default_verify_paths().cafile
    parts = [Path(file).read_bytes() for file in (system, own) if file and Path(file).is_file()]
    bundle.write_bytes(b"\n".join(parts))
    return bundle
