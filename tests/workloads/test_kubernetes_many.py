"""Many workloads in one namespace."""

import gc
import tracemalloc

from tests.workloads.kubernetes import Managers
from tests.workloads.observed import key, shell
from workloads.launchers.kubernetes import manifests
from workloads.launchers.kubernetes.settings import KubernetesSettings
from workloads.model import Secrets

COUNT, MOST_BYTES = 500, 20_000


async def test_five_hundred_workloads_take_a_bounded_memory(managers: Managers) -> None:
    looks, noise = KubernetesSettings(image="weft"), [{"fieldsV1": "x" * MOST_BYTES}]
    for number in range(COUNT):
        job = manifests.job(key(f"w{number}"), shell("true"), Secrets(), looks)
        job["metadata"]["managedFields"] = noise
        job["spec"]["suspend"] = True
        managers.cluster.store.create("jobs", job)
    tracemalloc.start()
    try:
        engine = await managers.open()
        gc.collect()
        # What was decoded and is still there: the mirrors of the manager, and nothing of the fake.
        decoded = tracemalloc.Filter(True, "*/json/decoder.py")
        kept = tracemalloc.take_snapshot().filter_traces([decoded]).statistics("filename")
    finally:
        tracemalloc.stop()
    assert len(engine.known) == COUNT
    assert COUNT * 1_000 < sum(each.size for each in kept) < COUNT * MOST_BYTES
