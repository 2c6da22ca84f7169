"""A script whose step loads with forked workers, as a DataLoader does, while it is recorded."""

import multiprocessing

from weft import log_metric, pipeline, step


def work(worker: int) -> None:
    for batch in range(50):
        print(f"worker {worker} batch {batch}")
    log_metric(f"worker{worker}", worker)


@step(cache=False)
def loads(workers: int) -> int:
    print("begun")
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(n,)) for n in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print("ended")
    return sum(process.exitcode or 0 for process in processes)


@step(cache=False)
def follows(codes: int) -> int:
    print("after it")
    return codes


@pipeline
def forking(workers: int = 4) -> int:
    return follows(loads(workers))


if __name__ == "__main__":
    run = forking()
    print(f"RUN {run.name} {run.result()}")
