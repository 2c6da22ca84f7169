"""The commands of `docs/connectors.md`, typed as they stand there, against moto."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.walking import Shell, read
from tests.workspace.aws_cloud import AwsCloud, aws_cloud

PAGE = Path(__file__).parents[2] / "docs/connectors.md"


@pytest.fixture
def aws() -> Iterator[AwsCloud]:
    with aws_cloud() as cloud:
        yield cloud


@pytest.mark.page
@pytest.mark.timeout(300)
def test_the_page_does_what_it_says(shell: Shell, aws: AwsCloud) -> None:
    shell.run(f"export AWS_URL={aws.url} AWS_KEY_ID={aws.keys.access_key_id}")
    shell.run(f"umask 077; echo '{aws.keys.secret_access_key}' > aws.key")
    steps = [step for chapter in read(PAGE.read_text(encoding="utf-8")) for step in chapter.steps]
    assert len(steps) > 15
    for step in steps:
        shell.walk(step)
