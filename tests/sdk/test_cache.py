"""An earlier result stands in when nothing it depends on has changed, and a miss says what has."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from weft import Cache, Run, StepState, pipeline, step
from weft._cache import CacheOutcome
from weft._fingerprints import code_digest, normalised_source
from weft.errors import UncacheableWarning


def helper(n: int) -> int:
    return n + 1


@step
def load(rows: int, seed: int = 0) -> list[int]:
    return list(range(rows))


@step
def total(values: list[int], scale: float = 1.0) -> float:
    return sum(values) * scale


@pipeline
def whole(rows: int = 3, scale: float = 1.0) -> float:
    return total(load(rows), scale=scale)


def states(run: Run[Any]) -> list[StepState]:
    return [found.state for found in run.steps.values()]


def test_the_second_run_is_all_cached() -> None:
    first, second = whole(), whole()
    assert states(second) == [StepState.CACHED, StepState.CACHED]
    assert second.result() == first.result() == 3.0
    decision = second.steps["load"].cache
    assert decision is not None
    assert decision.candidate is not None
    assert decision.candidate.step == f"projects/default/runs/{first.name}/steps/load"


def test_caching_can_be_switched_off_for_a_run() -> None:
    whole()
    run = whole.run(cache=False)
    assert states(run) == [StepState.SUCCEEDED, StepState.SUCCEEDED]
    assert run.steps["load"].cache is not None
    assert run.steps["load"].cache.outcome is CacheOutcome.DISABLED


def test_a_miss_says_what_changed() -> None:
    first = whole(scale=1.0)
    run = whole(scale=2.0)
    assert states(run) == [StepState.CACHED, StepState.SUCCEEDED]
    decision = run.steps["total"].cache
    assert decision is not None
    assert decision.outcome is CacheOutcome.MISS
    assert decision.explain() == (
        f"differs from projects/default/runs/{first.name}/steps/total in input:scale\n"
        "  input:scale: 1.0 → 2.0"
    )


def test_equal_content_counts_not_where_it_comes_from() -> None:
    whole()

    @step
    def other() -> list[int]:
        return [0, 1, 2]

    @pipeline
    def again() -> float:
        return total(other(), scale=1.0)

    assert again().steps["total"].state is StepState.CACHED


def test_versions_can_count_instead_of_content() -> None:
    strict = total.with_options(cache=Cache(inputs="version"))

    @pipeline
    def versioned(again: int = 0) -> float:
        return strict(load.with_options(cache=not again)(3))

    versioned()
    assert versioned(again=0).steps["total"].state is StepState.CACHED
    assert versioned(again=1).steps["total"].state is StepState.SUCCEEDED


def test_changed_code_is_a_miss() -> None:
    namespace: dict[str, Any] = {}

    def define(body: str, folder: Path) -> Any:
        file = folder / f"m{abs(hash(body))}.py"
        file.write_text(f"def work(n: int) -> int:\n    {body}\n")
        exec(compile(file.read_text(), str(file), "exec"), namespace)
        return step(namespace["work"])

    import tempfile

    with tempfile.TemporaryDirectory() as name:
        for body, expected in (
            ("return n", StepState.SUCCEEDED),
            ("return n  # the same", StepState.CACHED),
            ("return n + 1", StepState.SUCCEEDED),
        ):
            work = define(body, Path(name))

            @pipeline
            def one() -> int:
                return work(1)  # noqa: B023 - called in this round

            assert one().steps["work"].state is expected


def test_only_meaning_counts_in_code() -> None:
    one = 'def f(a):\n    """Text."""\n    # note\n    return (a)\n'
    two = "@decorated(1)\ndef f(a):\n    return a\n"
    assert normalised_source(one) == normalised_source(two)
    assert normalised_source(one) != normalised_source(two.replace("return a", "return a + 1"))
    assert code_digest(helper) == code_digest(helper)


def test_files_and_extra_values_count(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("1")
    release = {"release": 1}

    def run() -> Any:
        policy = Cache(files=[str(table)], extra=dict(release), code_deps=[helper])

        @pipeline
        def one() -> Any:
            return load.with_options(cache=policy)(2)

        return one().steps["load"]

    assert run().state is StepState.SUCCEEDED
    assert run().state is StepState.CACHED
    table.write_text("2")
    assert [c.component for c in run().cache.changes] == [f"file:{table}"]
    release["release"] = 2
    assert [str(c) for c in run().cache.changes] == ["extra:release: 1 → 2"]


def test_the_content_of_a_path_argument_counts(tmp_path: Path) -> None:
    file = tmp_path / "data.txt"

    @step
    def read(path: Path) -> str:
        return path.read_text()

    @pipeline
    def one(path: Path) -> str:
        return read(path)

    file.write_text("a")
    assert one(file).result() == "a"
    assert one(file).steps["read"].state is StepState.CACHED
    file.write_text("b")
    assert one(file).result() == "b"


def test_ignored_arguments_do_not_count() -> None:
    quiet = load.with_options(cache=Cache(ignore=["seed"]))

    @pipeline
    def one(seed: int) -> Any:
        return quiet(3, seed=seed)

    one(1)
    assert one(2).steps["load"].state is StepState.CACHED


def test_a_result_grows_old() -> None:
    aged = load.with_options(cache=Cache(max_age_s=0))

    @pipeline
    def one() -> Any:
        return aged(3)

    one()
    assert one().steps["load"].state is StepState.SUCCEEDED


def test_a_lost_artifact_is_a_miss(data_dir: Path) -> None:
    whole()
    shutil.rmtree(data_dir / "artifacts")
    run = whole()
    assert run.result() == 3.0
    assert run.steps["load"].cache is not None
    assert "is gone" in run.steps["load"].cache.reason


def test_what_cannot_be_compared_is_a_warning_and_runs() -> None:
    missing = load.with_options(cache=Cache(files=["no/such/file"]))

    @pipeline
    def one() -> Any:
        return missing(2)

    with pytest.warns(UncacheableWarning, match="file no/such/file"):
        run = one()
    assert run.steps["load"].state is StepState.SUCCEEDED


def test_an_unreadable_argument_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to("/etc/passwd")

    @step
    def read(path: Path) -> int:
        return 1

    @pipeline
    def one(path: Path) -> int:
        return read(path)

    with pytest.warns(UncacheableWarning, match="argument 'path'"):
        assert one(folder).result() == 1


def test_items_of_a_fan_out_are_cached_one_by_one() -> None:
    @step
    def double(n: int) -> int:
        return n * 2

    @pipeline
    def one(values: list[int]) -> Any:
        return double.map(values)

    one([1, 2])
    run = one([2, 3])
    assert [item.state for item in run.steps["double"].items] == ["CACHED", "SUCCEEDED"]
    assert run.result() == [4, 6]


def test_what_a_step_closes_over_counts() -> None:
    def define(factor: int) -> Any:
        @step
        def scale(n: int) -> int:
            return n * factor

        @pipeline
        def one() -> int:
            return scale(2)

        return one()

    assert define(3).result() == 6
    assert define(3).steps["scale"].state is StepState.CACHED
    assert define(4).result() == 8
