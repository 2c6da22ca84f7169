"""A script as users write it: it runs its pipeline when it is run."""

import sys

from weft import pipeline, step


@step
def load(count: int) -> list[int]:
    print(f"loading {count}")
    return list(range(count))


@step
def add(numbers: list[int]) -> int:
    print(f"adding {len(numbers)} numbers")
    return sum(numbers)


@pipeline
def local_script(count: int = 5) -> int:
    return add(load(count))


if __name__ == "__main__":
    run = local_script(int(sys.argv[1]))
    print(f"RUN {run.name} {run.result()}")
