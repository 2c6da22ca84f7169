"""Steps in workloads of their own, which share nothing with whoever looks on but the workspace."""

import os
import socket
import time

import weft
from weft import Pod, Retry, pipeline, step


@step(cache=False)
def parcels(count: int) -> list[int]:
    return list(range(count))


@step(cache=False, pod=Pod(labels={"team": "ml"}))
def weigh(parcel: int) -> int:
    print(f"parcel {parcel} is on the scales of {socket.gethostname()}")
    return parcel * 10


@step(cache=False, retries=Retry(1, 0.0))
def load(weights: list[int]) -> int:
    if weft.context().attempt == 1:
        raise RuntimeError("the first van is full")
    weft.log_metric("weight", sum(weights))
    return sum(weights)


@step(cache=False)
def drive(ending: str) -> None:
    print("the engine is running")
    weft.log_metadata({"driving": True})
    if ending == "crash":
        print("last words", flush=True)
        os._exit(7)
    if ending == "arrive":
        for kilometre in range(100):
            print(f"kilometre {kilometre}")
            time.sleep(0.03)
        return
    if ending == "raise":
        raise ValueError("no such address")
    while not weft.context().stop_requested:
        time.sleep(0.02)
    weft.context().check_stop()


@step(cache=False, pod=Pod(priority_class="never-allowed"))
def overtake() -> None:
    pass


@pipeline(isolation="workload")
def shipping(ending: str = "") -> None:
    if ending == "overtake":
        overtake()
    elif ending:
        drive(ending)
    else:
        load(weigh.map(parcels(2)))
