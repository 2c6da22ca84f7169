"""A person with a browser, as far as sign-in pages need one: cookies, redirects and forms."""

import asyncio
import os
import ssl
import sys
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2


class _Form(HTMLParser):
    """The first form of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = found["action"]
        elif tag == "input" and found.get("name"):
            self.fields[found["name"]] = found.get("value", "")


async def sign_in(address: str, login: str, *, until: str, refuse: bool = False) -> dict[str, str]:
    """Opens the address, signs in, consents; answers the parameters with which it ends.

    `until` begins the address to which the provider sends the person back; it is not opened.
    """
    async with httpx2.AsyncClient(trust_env=False) as client:
        response = await client.get(address)
        while True:
            location = response.headers.get("location", "")
            if location.startswith(until):
                return dict(parse_qsl(urlsplit(location).query))
            if location:
                response = await client.get(urljoin(str(response.url), location))
                continue
            assert response.status_code == 200, response.text
            form = _Form()
            form.feed(response.text)
            assert form.action, response.text
            here = str(response.url)
            if refuse:
                response = await client.get(urljoin(here, f"{urlsplit(here).path}/abort"))
            else:
                filled = {**form.fields, **({"login": login} if "login" in form.fields else {})}
                response = await client.post(urljoin(here, form.action), data=filled)


async def _main() -> None:
    """As `$BROWSER`: signs in, and goes on through the gateway to whoever waits.

    The public name stands in no DNS; the gateway is reached where the environment says.
    """
    address, login = sys.argv[1], os.environ["TEST_LOGIN"]
    callback = os.environ["TEST_CALLBACK"]
    brought = await sign_in(address, login, until=callback, refuse="TEST_REFUSE" in os.environ)
    trust = ssl.create_default_context(cafile=os.environ["TEST_CA"])
    async with httpx2.AsyncClient(verify=trust, trust_env=False) as client:
        came_back = await client.get(os.environ["TEST_GATEWAY"], params=brought)
        assert came_back.status_code == 303, came_back.text
        shown = await client.get(came_back.headers["location"])
    assert "terminal" in shown.text


if __name__ == "__main__":
    asyncio.run(_main())
