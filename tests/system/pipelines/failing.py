"""A step that succeeds, and one that raises until a file is there."""

from pathlib import Path

from weft import pipeline, step


@step
def prepare(number: int) -> int:
    return number


@step
def divide(number: int, mended: str) -> float:
    divisor = 1 if Path(mended).exists() else 0
    return number / divisor


@pipeline
def failing(mended: str, number: int = 7) -> None:
    divide(prepare(number), mended)
