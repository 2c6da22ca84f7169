"""`python -m controlplane.bootstrap`: what a script that polls is told, and when."""

from pathlib import Path

import pytest

from controlplane import bootstrap
from controlplane.identity.opaque import Secret
from controlplane.setup_token import SetupToken


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetupToken:
    monkeypatch.setenv("WEFT_CONTROLPLANE_DATA_DIR", str(tmp_path))
    return SetupToken(tmp_path, "https://weft.example.com")


def test_nothing_is_done_before_the_token_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory is there long before, and there is no administrator yet."""
    for place in (tmp_path, tmp_path / "missing"):
        monkeypatch.setenv("WEFT_CONTROLPLANE_DATA_DIR", str(place))
        assert bootstrap.main() == 7


def test_the_link_is_there_until_it_is_used(
    token: SetupToken, capsys: pytest.CaptureFixture[str]
) -> None:
    token.keep(Secret("weft_setup_a"))
    assert bootstrap.main() == 0
    assert "/setup#token=weft_setup_a" in capsys.readouterr().out
    token.retire()
    assert bootstrap.main() == 6


def test_a_start_knows_the_administrator_and_forgets_one_who_is_gone(token: SetupToken) -> None:
    token.keep(None)
    assert bootstrap.main() == 6
    token.keep(Secret("weft_setup_b"))
    assert bootstrap.main() == 0
    assert not token.is_used
