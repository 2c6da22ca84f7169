"""`weft apply`, `diff` and `export`: a workspace as files, applied twice without a change."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.sdk.cli.conftest import Runs, Weft
from weft.cli._declared import Step, read, refusals
from weft.cli._exit import CommandError
from weft.cli._kinds import KINDS

FILE = """
kind: Project
name: gitops
spec: {displayName: From a file, labels: {team: ml}}
---
kind: Secret
name: gitops-db
spec: {description: where rows come from}
valuesFrom:
  password: {env: GITOPS_PASSWORD}
  user: {file: USER_FILE}
"""
# All that stands on something else; the snapshot is there already.
ALL = """
kind: Trigger
name: gitops-follow
spec:
  snapshot: SNAPSHOT
  occurrence: {run: {states: [RUN_STATE_SUCCEEDED]}}
---
kind: Schedule
name: gitops-nightly
spec: {snapshot: SNAPSHOT, cron: 0 2 * * *, timeZone: Europe/Berlin}
---
kind: Stack
name: gitops-stack
spec: {components: {artifact_store: components/gitops-store}}
---
kind: Component
name: gitops-store
spec: {flavor: flavors/s3-artifact-store, config: {bucket: acme-ml}}
---
kind: Webhook
name: gitops-ci
spec: {kind: WEBHOOK_KIND_GITHUB}
---
kind: Alerter
name: gitops-tell
spec: {kind: ALERTER_KIND_WEBHOOK, types: [run.failed], description: the first text}
valuesFrom: {url: {env: GITOPS_URL}}
---
kind: ServiceConnector
name: gitops-aws
spec:
  type: connectorTypes/aws
  authMethod: access-key
  config: {access_key_id: AKIAIOSFODNN7EXAMPLE, region: eu-central-1}
valuesFrom: {secret_access_key: {env: GITOPS_TOKEN}}
---
kind: CodeRepository
name: gitops-code
spec:
  kind: CODE_REPOSITORY_KIND_GIT
  url: https://git.example.com/acme/models.git
  secretName: secrets/gitops-token
  secretKey: token
---
kind: Secret
name: gitops-token
valuesFrom: {token: {env: GITOPS_TOKEN}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "user").write_text("ada")
    file = tmp_path / "workspace.yaml"
    file.write_text(FILE.replace("USER_FILE", str(tmp_path / "user")))
    return file


def actions(weft: Weft, *arguments: object, **variables: str) -> dict[str, str]:
    done = weft(*arguments, "-o", "json", **variables)
    assert done.code == 0, done.err
    return {step["name"]: step["action"] for step in json.loads(done.out)}


def test_what_is_declared_comes_to_be_and_stays(weft: Weft, file: Path) -> None:
    secret = {"GITOPS_PASSWORD": "hunter2-hunter2"}
    names = ["projects/gitops", "secrets/gitops-db"]
    told = weft("diff", "-f", file, **secret)
    assert told.code == 0
    assert "+ create    projects/gitops" in told.out
    assert '    displayName: nothing → "From a file"' in told.out
    assert "hunter2" not in told.out + told.err
    assert weft("projects", "show", "gitops").code == 5
    assert actions(weft, "apply", "-f", file, **secret) == dict.fromkeys(names, "create")
    assert weft("secrets", "access", "gitops-db", "user").out == "ada\n"
    assert weft("secrets", "access", "gitops-db", "password").out == "hunter2-hunter2\n"
    assert actions(weft, "apply", "-f", file, **secret) == dict.fromkeys(names, "unchanged")
    assert weft("diff", "-f", file, "--exit-code").code == 0

    file.write_text(file.read_text().replace("From a file", "Another name"))
    differing = weft("diff", "-f", file, "--exit-code")
    assert differing.code == 6
    assert 'displayName: "From a file" → "Another name"' in differing.out
    assert actions(weft, "apply", "-f", file)["projects/gitops"] == "update"
    shown = json.loads(weft("projects", "show", "gitops", "-o", "json").out)
    assert (shown["displayName"], shown["labels"]) == ("Another name", {"team": "ml"})


def test_what_is_declared_no_more_goes_only_when_asked(weft: Weft, tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    one = {"kind": "Secret", "name": "prune-one", "spec": {}, "valuesFrom": {"k": {"env": "V"}}}
    two = {**one, "name": "prune-two"}
    file.write_text(yaml.safe_dump_all([one, two]))
    assert set(actions(weft, "apply", "-f", file, "--set", "pruned", V="x").values()) == {"create"}
    file.write_text(yaml.safe_dump_all([one]))
    kept = actions(weft, "apply", "-f", file, "--set", "pruned", V="x")
    assert kept == {"secrets/prune-one": "unchanged"}
    unsure = weft("apply", "-f", file, "--set", "pruned", "--prune", stdin="n\n")
    assert unsure.code == 130
    gone = actions(weft, "apply", "-f", file, "--set", "pruned", "--prune", "-y")
    assert gone == {"secrets/prune-one": "unchanged", "secrets/prune-two": "delete"}
    assert weft("secrets", "show", "prune-two").code == 5
    assert weft("secrets", "show", "prune-one").code == 0
    assert weft("apply", "-f", file, "--prune").code == 2


def test_labels_that_a_file_leaves_out_stay_and_so_does_who_applied_it(
    weft: Weft, tmp_path: Path
) -> None:
    weft("projects", "create", "labelled")
    file = tmp_path / "labelled.yaml"

    def applied(spec: dict[str, Any], *options: str) -> dict[str, str]:
        file.write_text(yaml.safe_dump({"kind": "Project", "name": "labelled", "spec": spec}))
        actions(weft, "apply", "-f", file, *options)
        shown: dict[str, str] = json.loads(
            weft("projects", "show", "labelled", "-o", "json").out
        ).get("labels", {})
        return shown

    vision, mark = {"team": "vision"}, {"applied-as": "prod"}
    assert applied({"labels": vision}) == vision
    assert applied({}, "--set", "prod") == {**vision, **mark}
    assert applied({"labels": {"team": "ml"}}) == {"team": "ml", **mark}
    assert applied({"labels": {}}) == mark


def test_values_of_a_secret_are_read_where_they_are_not_there_yet(
    weft: Weft, tmp_path: Path
) -> None:
    file = tmp_path / "rotated.yaml"
    made = {"kind": "Secret", "name": "rotated", "valuesFrom": {"old": {"env": "OLD"}}}
    file.write_text(yaml.safe_dump(made))
    without = weft("apply", "-f", file)
    assert (without.code, "set the variable OLD" in without.err) == (2, True)
    assert weft("secrets", "show", "rotated").code == 5
    actions(weft, "apply", "-f", file, OLD="first")
    weft("secrets", "update", "rotated", "--value", "old=second")
    made["valuesFrom"] = {"old": {"env": "OLD"}, "new": {"env": "NEW"}}
    file.write_text(yaml.safe_dump(made))
    without = weft("apply", "-f", file, OLD="first")
    assert (without.code, "set the variable NEW" in without.err) == (2, True)
    assert set(actions(weft, "apply", "-f", file, OLD="first", NEW="third").values()) == {"update"}
    assert weft("secrets", "access", "rotated", "old").out == "second\n"
    assert weft("secrets", "access", "rotated", "new").out == "third\n"


def test_what_is_exported_can_be_applied(weft: Weft, runs: Runs, tmp_path: Path) -> None:
    weft("secrets", "create", "exported", "--value", "token=hidden-value")
    printed = weft("export").out
    assert "hidden-value" not in printed
    documents = list(yaml.safe_load_all(printed))
    assert {"kind": "Project", "name": "projects/default"}.items() <= documents[0].items()
    file = tmp_path / "all.yaml"
    file.write_text(printed)
    assert set(actions(weft, "diff", "-f", file).values()) == {"unchanged"}
    only = list(yaml.safe_load_all(weft("export", "Project").out))
    assert {document["kind"] for document in only} == {"Project"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: Banana\nname: x", "'Banana' is none of Project"),
        ("kind: Project\nname: x\nspec: {colour: red}", "Project has no field colour"),
        ("kind: Project\nname: x\nspec: {uid: x}", "uid cannot be declared"),
        ("kind: Secret\nname: x\nspec: {values: {a: b}}", "values cannot be declared"),
        ("kind: Project\nname: x\nspec: {labels: 3}", "labels"),
        ("kind: Project\nname: x\nspec: {labels: }", "labels is a mapping"),
        ("kind: Project\nname: x\nspec: {labels: [a]}", "labels"),
        ("kind: Project\nname: x\nspec: {labels: {team: 5}}", "labels"),
        ("kind: Project\nname: x\nspec: 5", "spec is a mapping"),
        ("kind: Project\nname: x\nspec: []", "spec is a mapping"),
        ("kind: Project\nname: x\nspec: {1: a}", "spec is a mapping"),
        ("kind: Project\nname:", "a document has kind, name and spec"),
        ("kind: Secret\nname: x\nvaluesFrom: [a]", "valuesFrom is a mapping"),
        ("kind: Secret\nname: x\nvaluesFrom: {a: {file: }}", "a is {env: NAME} or {file: PATH}"),
        ("kind: Secret\nname: x\nvaluesFrom: {a: {env: 5}}", "a is {env: NAME} or {file: PATH}"),
        (
            "kind: Component\nname: x\nvaluesFrom: {a: {env: A}}",
            "valuesFrom is for a Secret or ServiceConnector or Alerter",
        ),
        ("kind: Alerter\nname: x\nvaluesFrom: {key: {env: A}}", "Alerter has url, and no key"),
        ("name: [", "is no YAML"),
        ("- a list", "a document has kind, name and spec"),
        ("kind: Project", "a document has kind, name and spec"),
        ("kind: Project\nname: x\n---\nkind: Project\nname: x", "is declared twice"),
        ("kind: Secret\nname: x\nvaluesFrom: {a: b}", "a is {env: NAME} or {file: PATH}"),
    ],
)
def test_what_is_no_declaration_is_refused_whole(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    with pytest.raises(CommandError) as refused:
        read([str(file)], "projects/default")
    assert refused.value.code == 2
    assert str(file) in str(refused.value)
    assert words in str(refused.value)


def test_a_field_that_never_changes_is_refused_before_anything_is_done(
    weft: Weft, tmp_path: Path
) -> None:
    file = tmp_path / "scope.yaml"
    made = {"kind": "Secret", "name": "fixed", "spec": {}, "valuesFrom": {"k": {"env": "V"}}}
    file.write_text(yaml.safe_dump(made))
    actions(weft, "apply", "-f", file, V="x")
    changed = {**made, "spec": {"scope": "SECRET_SCOPE_PRIVATE"}}
    first = {"kind": "Project", "name": "never-made", "spec": {}}
    file.write_text(yaml.safe_dump_all([first, changed]))
    refused = weft("apply", "-f", file)
    assert refused.code == 6
    assert "scope cannot change" in refused.err
    assert weft("projects", "show", "never-made").code == 5


def test_a_file_that_is_not_there(offline: Weft, weft: Weft, tmp_path: Path) -> None:
    assert weft("apply", "-f", tmp_path / "absent.yaml").code == 1
    assert "holds no .yaml" in weft("diff", "-f", tmp_path).err


HIDDEN = {"GITOPS_TOKEN": "hunter2-hunter2", "GITOPS_URL": "https://hooks.example.com/S3CRET"}


@pytest.fixture
def everything(weft: Weft, runs: Runs, tmp_path: Path) -> Path:
    """A file with one of each kind, of which some stand on others."""
    snapshot = weft("runs", "show", runs.good, "-o", "jsonpath=.snapshot").out.strip()
    file = tmp_path / "everything.yaml"
    file.write_text(ALL.replace("SNAPSHOT", snapshot))
    return file


def test_each_kind_is_checked_made_changed_and_pruned(weft: Weft, everything: Path) -> None:
    token = HIDDEN
    planned = weft("diff", "-f", everything, **token)
    assert planned.code == 0, planned.err
    assert planned.out.count("+ create") == 9
    made = actions(weft, "apply", "-f", everything, "--set", "all", **token)
    assert list(made.values()) == ["create"] * 9
    again = actions(weft, "apply", "-f", everything, "--set", "all", **token)
    assert set(again.values()) == {"unchanged"}
    exported = weft("export", "Alerter", "ServiceConnector").out
    assert "valuesFrom:\n  url:\n    env: GITOPS_TELL_URL" in exported
    assert "secret_access_key:\n    env: GITOPS_AWS_SECRET_ACCESS_KEY" in exported
    assert "S3CRET" not in exported + planned.out + planned.err
    everything.write_text(everything.read_text().replace("0 2 * * *", "30 4 * * *"))
    changed = actions(weft, "apply", "-f", everything, "--set", "all", **token)
    assert {name for name, action in changed.items() if action != "unchanged"} == {
        "projects/default/schedules/gitops-nightly"
    }
    assert "30 4 * * *" in weft("schedules", "show", "gitops-nightly").out
    everything.write_text("kind: Project\nname: default\n")
    gone = actions(weft, "apply", "-f", everything, "--set", "all", "--prune", "-y")
    assert list(gone.values()).count("delete") == 9
    assert weft("stacks", "show", "gitops-stack").code == 5


def test_what_the_workspace_would_refuse_is_told_and_nothing_is_done(
    weft: Weft, everything: Path
) -> None:
    token = HIDDEN
    wrong = everything.read_text().replace("0 2 * * *", "99 2 * * *").replace("acme-ml", "A_B")
    everything.write_text(wrong)
    told = weft("diff", "-f", everything, **token)
    assert told.code == 2
    assert "projects/default/schedules/gitops-nightly: " in told.err
    assert "components/gitops-store: " in told.err
    assert "request id" in told.err
    refused = weft("apply", "-f", everything, **token)
    assert refused.code == 2
    assert "nothing was changed" in refused.err
    assert weft("secrets", "show", "gitops-token").code == 5
    # What stands on what is to be made is checked when that is there; all else at once.
    assert "stacks/gitops-stack" not in told.err


def test_an_older_workspace_is_not_asked_to_check(capsys: pytest.CaptureFixture[str]) -> None:
    """It does not know `validate_only`, and would make what it is asked about."""
    info = SimpleNamespace(features=["runs"])
    endpoint = SimpleNamespace(
        stub=lambda _: SimpleNamespace(GetServerInfo=None), call=lambda *_: info
    )
    connection: Any = SimpleNamespace(workspace=endpoint)
    step = Step("create", KINDS["project"], "projects/new")
    assert refusals(connection, [step]) == {}
    assert "nothing was checked beforehand" in capsys.readouterr().err
