"""Repositories on GitHub and GitHub Enterprise, through their REST API."""

from pathlib import Path
from urllib.parse import quote

from meshkit.egress import Egress
from workspace.repositories.failures import unavailable, unknown
from workspace.repositories.model import Commit, Head, Place, Tarball
from workspace.repositories.rest import Api
from workspace.repositories.revisions import is_commit_id, subject_of

_PUBLIC = "https://github.com"
_HEADERS = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
# Unknown, an empty repository, and what GitHub makes of no or several commits.
_NO_COMMIT = (404, 409, 422)


class GitHubHost:
    """One repository, through the API."""

    def __init__(self, place: Place, egress: Egress) -> None:
        default = "https://api.github.com" if place.host == _PUBLIC else f"{place.host}/api/v3"
        self._name = place.name
        self._api = Api(place, place.api_url or default, egress, _HEADERS)
        self._path = f"/repos/{quote(place.path)}"

    async def head(self) -> Head:
        about = await self._api.demand(self._path)
        branch = self._api.text(about, "default_branch")
        return Head(branch, await self.resolve(f"refs/heads/{branch}"))

    async def resolve(self, revision: str) -> Commit:
        if not revision:
            return (await self.head()).commit
        if is_commit_id(revision):
            return await self._commit(revision)
        return await self._commit(await self._named(revision))

    async def fetch(self, commit: str, directory: Path) -> Tarball:
        file = directory / "code.tar.gz"
        await self._api.download(f"{self._path}/tarball/{commit}", file)
        return Tarball(file, 1)

    async def _named(self, revision: str) -> str:
        """The commit that a name means; asked for its id alone: else its whole diff comes along."""
        name = quote(revision.removeprefix("refs/"))
        found = await self._api.word(
            f"{self._path}/commits/{name}", "application/vnd.github.sha", absent=_NO_COMMIT
        )
        if found is None:
            await self._api.demand(self._path)
            raise unknown(self._name, revision)
        if not is_commit_id(found):
            raise unavailable(self._name, "answered with no commit's id")
        return found

    async def _commit(self, id_: str) -> Commit:
        found = await self._api.ask(f"{self._path}/git/commits/{id_}", absent=_NO_COMMIT)
        if found is None:
            await self._api.demand(self._path)
            raise unknown(self._name, id_)
        text = self._api.text
        time = self._api.time(found, "committer", "date")
        return Commit(text(found, "sha"), time, subject_of(text(found, "message")))
