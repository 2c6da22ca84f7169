"""What `make test` runs is what the RPCs are judged by."""

import re
from pathlib import Path

from tests.rpc_coverage import has_all

MAKEFILE = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")


def test_what_make_test_leaves_out_is_known_to_who_judges_the_rpcs() -> None:
    found = re.search(r'^test: .*\n\t\$\(PYTEST\) -m "(.+)"$', MAKEFILE, re.MULTILINE)
    assert found
    assert has_all(found[1])
    assert not has_all("fault")
    assert not has_all(f"{found[1]} and not slow")
