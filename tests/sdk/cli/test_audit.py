"""`weft audit` on a real mesh: listed, exported, continued, and verified offline."""

import json
from pathlib import Path

from tests.sdk.cli.conftest import Weft

_TAMPERED = 9


def test_what_happened_is_listed_and_shown(weft: Weft) -> None:
    listed = json.loads(weft("audit", "list", "-n", "500", "-o", "json").out)
    first = listed[-1]
    assert (first["sequence"], first["chain"]) == ("1", "organizations/default")
    action = first["action"]
    found = json.loads(weft("audit", "list", "--action", action, "--since", "1h", "-o", "json").out)
    assert {event["action"] for event in found} == {action}
    assert weft("audit", "list", "--outcome", "DATA_LOSS").err.startswith("nothing of that kind")
    table = weft("audit", "list", "-n", "3")
    assert table.out.startswith("EVENT")
    shown = weft("audit", "show", first["uid"])
    assert shown.code == 0, shown.err
    assert first["hash"] in shown.out
    assert weft("audit", "show", first["uid"][::-1]).code in {2, 5}


def test_an_export_is_continued_and_verified_without_the_mesh(
    weft: Weft, offline: Weft, tmp_path: Path
) -> None:
    export, keys = tmp_path / "audit.jsonl", tmp_path / "keys.json"
    keys.write_text(weft("audit", "keys").out)
    done = weft("audit", "export", export)
    assert done.code == 0, done.err
    rows = export.read_bytes().count(b'{"event":')
    # Broken off in the middle of a line, and continued.
    export.write_bytes(export.read_bytes()[:-30])
    assert offline("audit", "verify", export, "--keys", keys).code == _TAMPERED
    assert weft("audit", "export", export).code == 0
    verified = offline("audit", "verify", export, "--keys", keys)
    assert verified.code == 0, verified.err
    more = export.read_bytes().count(b'{"event":')
    assert more > rows
    assert f"{more} rows verified from its beginning up to row {more}" in verified.out
    assert weft("audit", "verify", export).code == 0
    wrong = weft("audit", "export", export, "--after", "1")
    assert wrong.code == 2
    assert "without --after it is continued" in wrong.err


def test_a_tampered_export_is_named_by_its_first_wrong_row(
    weft: Weft, offline: Weft, tmp_path: Path
) -> None:
    keys, export = tmp_path / "keys.json", tmp_path / "audit.jsonl"
    keys.write_text(weft("audit", "keys").out)
    export.write_text(weft("audit", "export").out)
    lines = export.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if '"sequence":2,' in line)
    altered = lines[at].replace('"code":0', '"code":7')
    assert altered != lines[at]
    for forged in ([*lines[:at], altered, *lines[at + 1 :]], [*lines[:at], *lines[at + 1 :]]):
        export.write_text("\n".join(forged) + "\n")
        done = offline("audit", "verify", export, "--keys", keys)
        assert done.code == _TAMPERED
        assert "row 2:" in done.err


def test_the_control_plane_verifies_its_own_log(weft: Weft) -> None:
    done = weft("audit", "verify")
    assert done.code == 0, done.err
    assert "rows verified up to row" in done.out
    assert weft("audit", "verify", "--platform").code == 0


def test_a_replaced_key_is_vouched_for_by_the_one_before(
    weft: Weft, offline: Weft, tmp_path: Path
) -> None:
    keys, export = tmp_path / "keys.json", tmp_path / "audit.jsonl"
    keys.write_text(weft("audit", "keys").out)
    before = json.loads(keys.read_text())["keys"]
    after = json.loads(weft("audit", "rotate-key").out)["keys"]
    assert after[1:] == before
    assert weft("audit", "export", export).code == 0
    verified = offline("audit", "verify", export, "--keys", keys)
    assert verified.code == 0, verified.err
