"""A pipeline that makes the same data each time, and another model for each rate."""

from weft import log_metric, pipeline, step


@step(cache=False)
def rows() -> list[int]:
    return [1, 2, 3]


@step(cache=False)
def train(given: list[int], rate: float) -> float:
    log_metric("accuracy", 1 - rate)
    return sum(given) * rate


@pipeline
def comparing(rate: float = 0.1) -> float:
    return train(rows(), rate)
