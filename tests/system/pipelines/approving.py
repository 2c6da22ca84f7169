"""A pipeline whose steps ask people, and go on when these have answered."""

from weft import pipeline, step, wait_for_approval


@step(cache=False)
def ask(question: str) -> int:
    # JSON knows one kind of number.
    return int(wait_for_approval(question, schema={"type": "integer", "minimum": 1}))


@step(cache=False)
def release(share: int) -> None:
    wait_for_approval(f"Give it to {share} in a hundred?")


@pipeline
def approving(question: str = "How many in a hundred?") -> None:
    release(ask(question))
