"""Repositories on GitLab, anybody's, through its REST API."""

from pathlib import Path
from urllib.parse import quote

from meshkit.egress import Egress
from workspace.repositories.failures import unknown
from workspace.repositories.model import Commit, Head, Place, Tarball
from workspace.repositories.rest import Api
from workspace.repositories.revisions import subject_of


class GitLabHost:
    """One repository, through the API."""

    def __init__(self, place: Place, egress: Egress) -> None:
        self._name = place.name
        base = place.api_url or f"{place.host}/api/v4"
        self._api = Api(place, base, egress, {"accept": "application/json"})
        # The whole path is one part of the API's own.
        self._path = f"/projects/{quote(place.path, safe='')}"

    async def head(self) -> Head:
        about = await self._api.demand(self._path)
        # An empty repository has none.
        if about.get("default_branch", "") is None:
            raise unknown(self._name, "")
        branch = self._api.text(about, "default_branch")
        return Head(branch, await self.resolve(f"refs/heads/{branch}"))

    async def resolve(self, revision: str) -> Commit:
        if not revision:
            return (await self.head()).commit
        where = f"{self._path}/repository/commits/{quote(revision, safe='')}?stats=false"
        found = await self._api.ask(where, absent=(404,))
        if found is None:
            # GitLab says the same of a project and of a commit that there is not.
            await self._api.demand(self._path)
            raise unknown(self._name, revision)
        text, time = self._api.text, self._api.time
        subject = subject_of(text(found, "title"))
        return Commit(text(found, "id"), time(found, "committed_date"), subject)

    async def fetch(self, commit: str, directory: Path) -> Tarball:
        file = directory / "code.tar.gz"
        where = f"{self._path}/repository/archive.tar.gz?sha={commit}"
        await self._api.download(where, file)
        return Tarball(file, 1)
