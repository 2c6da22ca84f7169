"""Weft: run, track and govern machine-learning pipelines.

```python
from weft import pipeline, step

@step
def load(rows: int) -> list[int]:
    return list(range(rows))

@step
def total(data: list[int]) -> int:
    return sum(data)

@pipeline
def train(rows: int = 10) -> int:
    return total(load(rows))

train(rows=100).result()  # 4950
```

Names are loaded when they are first used, so that `import weft` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weft._alerts import alert as alert
    from weft._approval import wait_for_approval as wait_for_approval
    from weft._artifact import Artifact as Artifact
    from weft._cache import CacheDecision as CacheDecision
    from weft._caching import Cache as Cache
    from weft._context import StepContext as StepContext
    from weft._context import context as context
    from weft._context import log_metadata as log_metadata
    from weft._context import log_metric as log_metric
    from weft._context import log_metrics as log_metrics
    from weft._external import External as External
    from weft._external import external as external
    from weft._handles import Handle as Handle
    from weft._hooks import Happening as Happening
    from weft._image import Image as Image
    from weft._lineage import Lineage as Lineage
    from weft._load import artifact as artifact
    from weft._load import load_artifact as load_artifact
    from weft._materializers.base import Materializer as Materializer
    from weft._materializers.base import Saved as Saved
    from weft._materializers.models import trust_types as trust_types
    from weft._materializers.registry import register_materializer as register_materializer
    from weft._models import Model as Model
    from weft._models import ModelVersion as ModelVersion
    from weft._models import model as model
    from weft._own_run import OwnRun as OwnRun
    from weft._own_run import start_run as start_run
    from weft._pages import Html as Html
    from weft._pages import Markdown as Markdown
    from weft._pipeline import Pipeline as Pipeline
    from weft._pipeline import pipeline as pipeline
    from weft._pod import Pod as Pod
    from weft._policies import Resources as Resources
    from weft._policies import Retry as Retry
    from weft._progress import progress as progress
    from weft._progress import tqdm_class as tqdm_class
    from weft._run import Run as Run
    from weft._run import StepRun as StepRun
    from weft._secrets import secret as secret
    from weft._states import ExecutionMode as ExecutionMode
    from weft._states import RunState as RunState
    from weft._states import StepState as StepState
    from weft._step import Step as Step
    from weft._step import step as step
    from weft._submitted import SubmittedRun as SubmittedRun
    from weft._submitted import run_snapshot as run_snapshot
    from weft.errors import ApprovalError as ApprovalError
    from weft.errors import NonRetryableError as NonRetryableError
    from weft.errors import RunFailedError as RunFailedError
    from weft.errors import StepFailedError as StepFailedError
    from weft.errors import WeftError as WeftError

__version__ = "0.1.0"

_HOMES = {
    "ApprovalError": "errors",
    "Artifact": "_artifact",
    "Cache": "_caching",
    "CacheDecision": "_cache",
    "ExecutionMode": "_states",
    "External": "_external",
    "Handle": "_handles",
    "Happening": "_hooks",
    "Html": "_pages",
    "Image": "_image",
    "Lineage": "_lineage",
    "Markdown": "_pages",
    "Materializer": "_materializers.base",
    "Model": "_models",
    "ModelVersion": "_models",
    "NonRetryableError": "errors",
    "OwnRun": "_own_run",
    "Pipeline": "_pipeline",
    "Pod": "_pod",
    "Resources": "_policies",
    "Retry": "_policies",
    "Run": "_run",
    "RunFailedError": "errors",
    "RunState": "_states",
    "Saved": "_materializers.base",
    "Step": "_step",
    "StepContext": "_context",
    "StepFailedError": "errors",
    "StepRun": "_run",
    "StepState": "_states",
    "SubmittedRun": "_submitted",
    "WeftError": "errors",
    "alert": "_alerts",
    "artifact": "_load",
    "context": "_context",
    "external": "_external",
    "load_artifact": "_load",
    "log_metadata": "_context",
    "log_metric": "_context",
    "log_metrics": "_context",
    "model": "_models",
    "pipeline": "_pipeline",
    "progress": "_progress",
    "register_materializer": "_materializers.registry",
    "run_snapshot": "_submitted",
    "secret": "_secrets",
    "start_run": "_own_run",
    "step": "_step",
    "tqdm_class": "_progress",
    "trust_types": "_materializers.models",
    "wait_for_approval": "_approval",
}

__all__ = [
    "ApprovalError",
    "Artifact",
    "Cache",
    "CacheDecision",
    "ExecutionMode",
    "External",
    "Handle",
    "Happening",
    "Html",
    "Image",
    "Lineage",
    "Markdown",
    "Materializer",
    "Model",
    "ModelVersion",
    "NonRetryableError",
    "OwnRun",
    "Pipeline",
    "Pod",
    "Resources",
    "Retry",
    "Run",
    "RunFailedError",
    "RunState",
    "Saved",
    "Step",
    "StepContext",
    "StepFailedError",
    "StepRun",
    "StepState",
    "SubmittedRun",
    "WeftError",
    "__version__",
    "alert",
    "artifact",
    "context",
    "external",
    "load_artifact",
    "log_metadata",
    "log_metric",
    "log_metrics",
    "model",
    "pipeline",
    "progress",
    "register_materializer",
    "run_snapshot",
    "secret",
    "start_run",
    "step",
    "tqdm_class",
    "trust_types",
    "wait_for_approval",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'weft' has no attribute {name!r}")
    value = getattr(import_module(f"weft.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
