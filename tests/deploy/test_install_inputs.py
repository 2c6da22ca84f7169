"""What `weft install check` is given: what is no use is refused, and no password is shown."""

import io
import sys
from pathlib import Path

import asyncpg
import click
import pytest

from controlplane.installing import Finding
from controlplane.installing.__main__ import _tried
from controlplane.installing.postgres import check_database
from tests.deploy.test_install_check import run
from weft.cli._secrets import referred

SECRET = "s3c"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://weft:s3c/ret@db/weft",
        "postgresql://weft:12/s3c@db/weft",
        "postgresql://weft:12?s3c@db/weft",
        "postgresql://weft:12#s3c@db/weft",
        "postgresql://weft:a@s3c@db/weft",
        "postgresql://weft:[s3c@db/weft",
        "s3c://weft@db/weft",
        "s3c",
    ],
)
async def test_a_url_that_is_none_is_refused_in_fixed_words(url: str) -> None:
    [finding] = await check_database(url)
    assert not finding.ok
    assert SECRET not in str(finding)
    assert "%2F" in finding.fix


async def test_the_driver_says_nothing_of_what_it_does_not_take() -> None:
    [finding] = await check_database("postgresql://weft:s3c@127.0.0.1:1/d?sslmode=s3c")
    assert not finding.ok
    assert SECRET not in str(finding)
    assert "sslmode" in finding.fix


async def test_a_check_that_breaks_is_a_finding() -> None:
    async def breaks() -> list[Finding]:
        raise asyncpg.InterfaceError(SECRET)

    [finding] = await _tried("database", breaks)
    assert finding.detail == "broke off: InterfaceError"
    assert SECRET not in str(finding)


@pytest.mark.parametrize("kind", ["env", "file", "-"])
def test_a_url_is_taken_from_where_nobody_sees_it(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_URL", "postgresql://a")
    (tmp_path / "url").write_text("postgresql://a\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("postgresql://a\npostgresql://b\n"))
    named = {"env": "env:THE_URL", "file": f"@{tmp_path}/url", "-": "-"}[kind]
    assert referred(named) == "postgresql://a"


@pytest.mark.parametrize("named", ["env:NO_SUCH_VARIABLE", "@/no/such/file", "-"])
def test_a_url_that_is_not_there_is_asked_for(named: str) -> None:
    result = run("check", "--db", named)
    assert isinstance(result.exception, click.UsageError)


def test_options_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# no certificate\n")
    wrong = (
        ("--ca", str(tmp_path / "README.md")),
        ("--grpc-host", "a:b"),
        ("--grpc-host", ":1"),
        ("--host", "a:65536"),
        ("--egress-network", "x"),
    )
    for option, value in wrong:
        result = run("check", "--grpc-host", "a", option, value)
        assert isinstance(result.exception, click.BadParameter), (option, value)
        assert result.exception.param.opts == [option]


def test_only_servers_that_are_missing_are_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    arguments = ("check", "--grpc-host", "localhost")
    assert "ended early" in str(run(*arguments).exception)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert "pip install weft-server" in str(run(*arguments).exception)
