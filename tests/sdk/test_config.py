"""Settings of a run come from files and options, over the code, and errors say where and what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft import Cache, Image, Resources, Retry, pipeline, step
from weft._config import RunConfig
from weft._config_schema import SCHEMA, problems, schema_for
from weft._project_file import image_of, with_step_images
from weft._spec import settings_between
from weft._step_settings import with_settings
from weft.errors import ConfigError, ImageError


@step(retries=Retry(max=2, backoff_s=7), resources=Resources(cpu=1, memory="1Gi"))
def load(rows: int) -> list[int]:
    return list(range(rows))


@step(cache=Cache(max_age_s=60), environment={"A": "code", "B": "code"})
def seed() -> str:
    import os

    return os.environ["A"] + os.environ["B"]


@pipeline
def whole(rows: int = 3, more: dict[str, int] | None = None) -> tuple[list[int], str]:
    return load(rows), seed()


def written(folder: Path, text: str, name: str = "run.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def refused(*files: Path, sets: tuple[str, ...] = ()) -> str:
    with pytest.raises(ConfigError) as caught:
        use(files, sets)
    return str(caught.value)


def use(files: tuple[Path, ...], sets: tuple[str, ...]) -> None:
    config = RunConfig.of(files, sets)
    config.bind(whole.parameters, {})
    config.applied(whole.trace())


def test_the_last_word_holds_and_the_others_are_remembered(tmp_path: Path) -> None:
    one = written(tmp_path, "parameters: {rows: 4}\nsteps:\n  load: {retries: 5}\n")
    two = written(
        tmp_path, "[steps.load.retries]\nmax = 6\n[steps.seed]\ncache = false\n", "b.toml"
    )
    config = RunConfig.of([one, two], ["parameters.rows=5", "steps.load.resources.memory=2Gi"])
    path = ("steps", "load", "retries", "max")
    assert config.settings[path].origin == f"{two}:2"
    assert [(old.value, old.origin) for old in config.settings[path].before] == [(5, f"{one}:3")]
    assert config.bind(whole.parameters, {}) == {"rows": 5, "more": None}
    assert config.bind(whole.parameters, {"rows": "6"})["rows"] == 6
    graph = config.applied(whole.trace())
    changed = graph.nodes["load"].step
    assert (changed.retry.max, changed.retry.backoff_s) == (6, 7)
    assert (changed.resources.cpu, changed.resources.memory) == (1, "2Gi")
    assert graph.nodes["seed"].step.cache == Cache(enabled=False, max_age_s=60)


def test_tables_of_parameters_are_merged_and_values_replace_tables(tmp_path: Path) -> None:
    file = written(tmp_path, "parameters: {more: {a: 1, b: 2}}")
    merged = RunConfig.of([file], ["parameters.more.a=3"])
    assert merged.bind(whole.parameters, {})["more"] == {"a": 3, "b": 2}
    nothing = RunConfig.of([file], ["parameters.more=null"])
    assert nothing.bind(whole.parameters, {})["more"] is None
    empty = RunConfig.of([file], ["parameters.more={}"])
    assert empty.bind(whole.parameters, {})["more"] == {}


def test_a_local_run_takes_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "parameters: {rows: 2}\nsteps:\n  seed: {environment: {B: file}}\n")
    assert whole.run(config=file).result() == ([0, 1], "codefile")
    assert whole.run({"rows": 1}, config=file).result()[0] == [0]


def test_no_cache_of_the_file_holds(tmp_path: Path) -> None:
    file = written(tmp_path, "cache: false")
    for _ in range(2):
        run = whole.run(config=file)
        assert {found.state.value for found in run.steps.values()} == {"SUCCEEDED"}


def test_a_mesh_hears_only_what_differs_and_does_as_a_local_run_does(tmp_path: Path) -> None:
    text = """
steps:
  load: {retries: {backoff_s: 0.5, memory_growth: 1.5}, timeout_s: 90, image: {python: "3.11"}}
  seed:
    cache: {enabled: false}
    environment: {B: b}
    resources: {gpu: 1.0}
    pod:
      priority_class: high
      labels: {team: ml}
      volumes: [{mount_path: /d, empty: {size_bytes: 5000000000}}]
"""
    graph = whole.trace()
    planned = RunConfig.of([written(tmp_path, text)]).applied(graph)
    told = settings_between(graph, planned)
    assert {id_: {f.name for f, _ in said.ListFields()} for id_, said in told.items()} == {
        "load": {"retry", "timeout", "isolation"},
        "seed": {"cache", "environment", "resources", "pod", "isolation"},
    }
    there = with_settings(graph, told)
    for id_, node in planned.nodes.items():
        own, its = node.step, there.nodes[id_].step
        assert (own.retry, own.timeout_s, own.isolated()) == (
            its.retry,
            its.timeout_s,
            its.isolated(),
        )
        assert (own.cache, own.environment) == (its.cache, its.environment)
        assert own.pod == its.pod
        assert own.resources.memory_bytes == its.resources.memory_bytes
        assert (own.resources.cpu, own.resources.gpu) == (its.resources.cpu, its.resources.gpu)


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "stacc: x\nsteps:\n  load:\n    retries: {max: -1}\n    resources:\n      cpus: 3\n"
        "    environment: {SEED: 1}\n  seed: {cache: 5}\n",
    )
    assert refused(file).splitlines() == [
        f"{file}:1: stacc is no setting here; did you mean stack?",
        f"{file}:4: steps.load.retries.max expects a whole number from 0 up to 100, got -1",
        f"{file}:6: steps.load.resources.cpus is no setting here; did you mean cpu?",
        f"{file}:7: steps.load.environment.SEED expects a text, got 1",
        f"{file}:8: steps.seed.cache expects true or false or a text or a table, got 5",
    ]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: [1", 1, "expected"),
        ("parameters:\n  rows: 1\n  rows: 2\n", 3, "parameters.rows stands there twice"),
        ("parameters:\n  rows: 2026-01-01\n", 2, "put it in quotes"),
        ("parameters:\n  rows: .nan\n", 2, "must be finite"),
        ("parameters:\n  1: 2\n", 2, "put it in quotes"),
        ("parameters: &a\n  more: *a\n", 2, "nested too deep"),
        ("parameters:\n  rows: x\n", 2, "--rows expects int, got 'x'"),
        ("parameters:\n  row: 1\n", 2, "--row is no parameter of whole"),
        ("steps:\n  lode: {cache: false}\n", 2, "calls no step lode: it has load, seed"),
        ("steps:\n  load:\n    image: {dockerfile: D, python: '3.11'}\n", 3, "a dockerfile says"),
    ],
)
def test_what_no_schema_knows_has_its_line_too(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    file = written(tmp_path, text)
    told = refused(file)
    assert told.startswith(f"{file}:{line}: ")
    assert says in told


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("x.yaml", "- 1", "holds no settings"),
        ("x.toml", "a = ", "at end of document"),
        ("x.toml", "[steps.load]\n\nretries = -1", "x.toml:3: steps.load.retries expects"),
        ("x.json", '{"stack": 1}', "x.json:1: stack expects a text"),
        ("x.yaml", "a: " + "x" * (1 << 20), "larger than 1 MiB"),
    ],
)
def test_other_files_are_refused_as_well(tmp_path: Path, name: str, text: str, says: str) -> None:
    assert says in refused(written(tmp_path, text, name))


def test_a_file_that_is_not_there_is_no_configuration(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refused(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"stack: \xff")
    assert "no UTF-8" in refused(tmp_path / "latin.yaml")


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert RunConfig.of([written(tmp_path, "# later\n")]).settings == {}


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("rows", "write it as --set"),
        ("=1", "write it as --set"),
        ("parameters.rows=[1", "is no value"),
        ("parameters.rows=2026-01-01", "put it in quotes"),
        ("steps.load.cpu=1", "steps.load.cpu is no setting here"),
        ("parameters.rows=x", "--rows expects int"),
    ],
)
def test_wrong_assignments_name_themselves(assignment: str, says: str) -> None:
    told = refused(sets=(assignment,))
    assert told.startswith("--set ")
    assert says in told


def test_a_text_needs_no_quotes_in_an_assignment() -> None:
    config = RunConfig.of([], ["steps.seed.environment.A=1", "labels.release=2026-11-22"])
    assert config.table("steps")["seed"]["environment"]["A"] == "1"
    assert config.table("labels") == {"release": "2026-11-22"}


NAMES = st.sampled_from([*SCHEMA["properties"], *SCHEMA["$defs"]["step"]["properties"], "max", "x"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["4Gi", "2 bananas", "thread", "3.11"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=3) | st.builds(
    lambda name, value: {"steps": {"load": {name: value}}},
    st.sampled_from(list(SCHEMA["$defs"]["step"]["properties"])),
    VALUES,
)
ORACLE = jsonschema.Draft202012Validator(SCHEMA)


@settings(max_examples=150)
@given(DOCUMENTS)
def test_the_check_agrees_with_any_reader_of_the_schema(document: Any) -> None:
    assert (next(problems(document), None) is None) == ORACLE.is_valid(document)


def test_the_published_schema_is_this_one() -> None:
    page = Path(__file__).parents[2] / "docs" / "run.schema.json"
    assert json.loads(page.read_text(encoding="utf-8")) == SCHEMA
    ORACLE.check_schema(SCHEMA)


def test_the_schema_of_a_pipeline_knows_its_names() -> None:
    schema = schema_for(whole.parameters_schema, [*whole.trace().nodes])
    check = jsonschema.Draft202012Validator(schema)
    assert check.is_valid({"parameters": {"rows": 1}, "steps": {"load": {"cache": False}}})
    assert not check.is_valid({"parameters": {"row": 1}})
    assert not check.is_valid({"steps": {"lode": {}}})
    unknown_steps = jsonschema.Draft202012Validator(schema_for(whole.parameters_schema, None))
    assert unknown_steps.is_valid({"steps": {"lode": {}}})


def test_the_project_file_dresses_steps_that_have_no_image(tmp_path: Path) -> None:
    text = '[image]\npython = "3.12"\n[steps.load.image]\napt = ["git"]\n'
    written(tmp_path, text, "weft.toml")
    graph = with_step_images(whole.trace(), tmp_path)
    assert graph.nodes["load"].step.image == Image(apt=["git"])
    assert graph.nodes["load"].step.isolated() == "workload"
    assert graph.nodes["seed"].step.image is None
    assert image_of(tmp_path) == Image(python="3.12")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[steps.lode.image]\n", "no such step; there are load, seed"),
        ("[steps.load]\nretries = 3\n", "is for `weft run --config`"),
        ("[steps.load.image]\npython = 3\n", r"\[steps.load.image\]: python is a int"),
        ("steps = 1\n", "write"),
        ("[", "weft.toml: "),
    ],
)
def test_a_wrong_project_file_says_so(tmp_path: Path, text: str, says: str) -> None:
    written(tmp_path, text, "weft.toml")
    with pytest.raises(ImageError, match=says):
        with_step_images(whole.trace(), tmp_path)
