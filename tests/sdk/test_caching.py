"""What counts for a cached result is a sum of parts; keys are what they were before it could be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft import Cache, StepState, pipeline, step
from weft._cache import _names, components_of
from weft._config import RunConfig
from weft._graph import Constant
from weft._spec import settings_between
from weft._step_settings import with_settings
from weft.errors import ConfigError

NAMES = ("a", "b", "c")
PARTS = st.one_of(
    st.sampled_from([Cache.INPUTS, Cache.VERSIONS, Cache.CODE]),
    st.sets(st.sampled_from(NAMES), min_size=1).map(lambda names: Cache.param(*sorted(names))),
    st.sampled_from(["x.csv", 'with "quotes".csv']).map(Cache.file),
    st.integers().map(lambda number: Cache.value(release=number)),
)
SUMS = st.recursive(
    PARTS, lambda some: st.builds(Cache.__add__, some, some) | st.builds(Cache.__sub__, some, some)
)


@step(cache=Cache.INPUTS - Cache.param("seed"))
def draw(rows: int, seed: int = 0) -> list[int]:
    return list(range(rows))


@pipeline
def drawing(rows: int = 3, seed: int = 0) -> list[int]:
    return draw(rows, seed)


@given(SUMS, SUMS)
def test_a_sum_counts_what_either_counts_and_a_difference_what_only_the_first(
    one: Cache, other: Cache
) -> None:
    both, rest = one + other, one - other
    for name in NAMES:
        assert both.counts(name) == (one.counts(name) or other.counts(name))
        assert rest.counts(name) == (one.counts(name) and not other.counts(name))
    assert both.code == (one.code or other.code)
    assert rest.code == (one.code and not other.code)
    assert set(both.files) == {*one.files, *other.files}
    assert set(rest.files) == set(one.files) - set(other.files)
    assert both.extra.keys() == {*one.extra, *other.extra}
    assert rest.extra.keys() == one.extra.keys() - other.extra.keys()


@given(SUMS)
def test_a_sum_is_read_as_it_is_written(one: Cache) -> None:
    back = Cache.parse(str(one))
    assert str(back) == str(one)
    assert (back.code, back.files, back.extra, back.inputs) == (
        one.code,
        one.files,
        one.extra,
        one.inputs,
    )
    assert [back.counts(name) for name in NAMES] == [one.counts(name) for name in NAMES]


@given(SUMS)
def test_no_sum_changes_what_it_is_made_of(one: Cache) -> None:
    assert str(one + one) == str(one)
    nothing = one - one
    assert (nothing.code, nothing.files, nothing.extra) == (False, (), {})
    assert not any(map(nothing.counts, NAMES))


def test_the_usual_policy_is_inputs_and_code() -> None:
    usual = Cache.INPUTS + Cache.CODE
    assert usual == Cache()
    assert str(Cache()) == "inputs + code"
    assert str(Cache.CODE - Cache.CODE) == "nothing"
    assert str(Cache() + Cache.code_of(components_of)) == "inputs + code + code_of(components_of)"


def test_ages_and_switches_are_kept() -> None:
    short, long = Cache(max_age_s=60), Cache(max_age_s=3600)
    assert (short + long).max_age_s == 60
    assert (long + Cache.CODE - Cache.INPUTS).max_age_s == 3600
    assert (Cache() + Cache(enabled=False)).enabled is False


@pytest.mark.parametrize(
    "text",
    [
        *("", "inputs +", "outputs", "param()", "param(x)", "param('a', b=1)", "file(1)"),
        *("value()", "value(1)", "value(**{})", "code_of(print)", "inputs * code"),
        *("__import__('os')", "(" * 500),
    ],
)
def test_what_is_no_sum_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no sum of inputs"):
        Cache.parse(text)


def test_keys_are_what_they_were() -> None:
    arguments = {"rows": Constant(3), "seed": Constant(1)}
    own = draw.definition
    older = draw.with_options(cache=Cache(code=False, ignore=["seed"])).definition
    assert components_of(own, arguments) == components_of(older, arguments)
    assert components_of(own, arguments) == {
        "step": "draw",
        "materializers": '{"output": "json/1"}',
        "input:rows": "3",
    }
    only = draw.with_options(cache=Cache.param("seed")).definition
    assert set(components_of(only, arguments)) == {"step", "materializers", "input:seed"}


def test_what_does_not_count_does_not_matter_and_why_says_so() -> None:
    drawing(seed=1)
    again = drawing(seed=2).steps["draw"]
    assert again.state is StepState.CACHED
    assert again.cache is not None
    assert again.cache.explain().splitlines()[1:] == ['  what counts: inputs - param("seed")']
    other = drawing(rows=4).steps["draw"]
    assert other.cache is not None
    assert other.cache.explain().splitlines()[1:] == [
        "  input:rows: 3 → 4",
        '  what counts: inputs - param("seed")',
    ]


@pytest.mark.parametrize("name", ["a-b", "", "class", "1"])
def test_a_value_has_a_name_that_is_read_again(name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a value"):
        Cache.value(**{name: 1})


def test_helpers_of_one_name_do_not_hide_each_other() -> None:
    def named(thing: type) -> type:
        thing.__name__ = "helper"
        return thing

    one, other = named(type("one", (), {})), named(type("other", (), {}))
    assert _names([one, components_of]) == ["helper", "components_of"]
    assert _names([one, other]) == [f"{__name__}.one", f"{__name__}.other"]
    assert len(set(_names([one, one, other]))) == 3


def test_a_file_of_settings_says_what_counts(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("steps: {draw: {cache: 'param(\"seed\")'}}")
    graph = drawing.trace()
    planned = RunConfig.of([file]).applied(graph)
    assert str(planned.nodes["draw"].step.cache) == 'param("seed")'
    told = settings_between(graph, planned)
    there = with_settings(graph, told).nodes["draw"].step.cache
    assert str(there) == 'param("seed")'
    # What the code counts, and no text can name, stays where only the age is another.
    coded = graph.changed(
        lambda node: type(node)(
            node.id,
            draw.with_options(cache=Cache() + Cache.code_of(components_of)).definition,
            node.inputs,
            "",
        )
    )
    aged = RunConfig.of([], ["steps.draw.cache.max_age_s=5"]).applied(coded)
    kept = with_settings(coded, settings_between(coded, aged)).nodes["draw"].step.cache
    assert (kept.max_age_s, kept.code_deps) == (5, (components_of,))


def test_a_sum_that_cannot_be_read_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("steps:\n  draw:\n    cache: inputs and code\n")
    with pytest.raises(ConfigError) as caught:
        RunConfig.of([file]).applied(drawing.trace())
    assert str(caught.value).startswith(f"{file}:3: steps.draw.cache: 'inputs and code' is no sum")
