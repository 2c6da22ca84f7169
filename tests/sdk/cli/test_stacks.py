"""`weft stacks`, `components` and `flavors`: what docs/stacks.md does not type."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Weft


def test_a_flavor_of_ones_own(weft: Weft, tmp_path: Path) -> None:
    schema = tmp_path / "schema.yaml"
    schema.write_text("type: object\nrequired: [uri]\nproperties: {uri: {type: string}}\n")
    made = weft("flavors", "create", "mlflow", "--type", "experiment_tracker", "--schema", schema)
    assert made.code == 0, made.err
    assert "steps, which are handed it" in made.out
    listed = weft("flavors", "list", "--type", "experiment_tracker", "-o", "name").out.split()
    assert listed == ["flavors/external-experiment-tracker", "flavors/mlflow"]
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"uri": "https://mlflow.example"}))
    made = weft("components", "create", "tracker", "--flavor", "mlflow", "--config", config)
    assert made.code == 0, made.err
    shown = json.loads(weft("components", "show", "tracker", "-o", "json").out)
    assert shown["config"] == {"uri": "https://mlflow.example"}
    refused = weft("flavors", "delete", "mlflow", "--yes")
    assert "components/tracker" in refused.err
    assert weft("components", "delete", "tracker", "--yes").code == 0
    assert weft("flavors", "delete", "mlflow", "--yes").code == 0
    assert weft("flavors", "show", "mlflow").code == 5
    schema.write_text("type: array\n")
    wrong = weft("flavors", "create", "odd", "--type", "annotator", "--schema", schema)
    assert wrong.code == 2
    assert "flavor.config_schema.type" in wrong.err


def test_several_of_a_type(weft: Weft) -> None:
    for id_ in ("first", "second"):
        uri = f"uri=https://{id_}.example"
        made = weft("components", "create", id_, "--flavor", "external-annotator", "--set", uri)
        assert made.code == 0, made.err
    made = weft("stacks", "create", "both", "-c", "first", "-c", "second", "--label", "team=a")
    assert made.code == 0, made.err
    assert "also annotator  second" in made.out
    shown = json.loads(weft("stacks", "show", "both", "-o", "json").out)
    assert shown["components"] == {"annotator": "components/first"}
    assert shown["additionalComponents"] == ["components/second"]
    swapped = weft("stacks", "update", "both", "-c", "second", "-o", "json")
    assert json.loads(swapped.out)["components"] == {"annotator": "components/second"}
    assert "stacks/both" in weft("stacks", "list", "-o", "name").out.split()
    assert weft("stacks", "delete", "both", "--yes").code == 0
    for id_ in ("first", "second"):
        assert weft("components", "delete", id_, "--yes").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("stacks", "show"), 2, "weft stacks use"),
        (("stacks", "show", "absent"), 5, "stacks/absent does not exist"),
        (("stacks", "use", "absent"), 5, "stacks/absent does not exist"),
        (("stacks", "update", "absent"), 2, "say what changes"),
        (("stacks", "create", "x", "-c", "absent"), 5, "components/absent does not exist"),
        (("components", "update", "absent"), 2, "say what changes"),
        (("components", "create", "x", "--flavor", "absent"), 5, "flavors/absent does not exist"),
        (
            ("components", "create", "x", "--flavor", "local-orchestrator", "--set", "a"),
            2,
            "name=value",
        ),
        (("components", "validate", "absent"), 5, "components/absent does not exist"),
    ],
)
def test_what_is_wrong_is_said(
    weft: Weft, arguments: tuple[str, ...], code: int, says: str
) -> None:
    done = weft(*arguments)
    assert done.code == code, done.err
    assert says in done.err
