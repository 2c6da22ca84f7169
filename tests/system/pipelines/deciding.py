"""A pipeline that looks at results of steps in workloads of their own."""

import os

import weft
from weft import pipeline, step


@step(cache=False)
def first(start: float) -> float:
    return start


@step(cache=False, environment={"HALF": "2"})
def halve(value: float) -> float:
    return value / float(os.environ["HALF"])


@step(cache=False)
def fails(value: float) -> float:
    raise ValueError(f"of {value}")


@pipeline(isolation="workload")
def deciding(start: float = 4.0) -> float:
    value = halve(first(start))
    while value > 1:
        value = halve(value)
    try:
        return fails.submit(value).result()
    except weft.StepFailedError:
        return value
