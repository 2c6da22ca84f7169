"""That steps of new runs take over what earlier runs made: it is in use from then on."""

from collections import defaultdict
from collections.abc import Iterable

from meshkit.session import Session
from workspace import names
from workspace.lifecycle import StepState
from workspace.store import artifacts as store
from workspace.store.schema import Step
from workspace.store.schema_artifacts import CacheUse


def note(session: Session, steps: Iterable[Step]) -> None:
    """Keeps which versions those of the steps use that were CACHED from the start."""
    cached = [step for step in steps if step.state == StepState.CACHED and step.outputs]
    wanted: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for step in cached:
        wanted[step.project].update(map(names.version_key, step.outputs.values()))
    found = {project: store.uids(session, project, keys) for project, keys in wanted.items()}
    uses = {
        (step.uid, uid)
        for step in cached
        for name in step.outputs.values()
        if (uid := found[step.project].get(names.version_key(name)))
    }
    store.add_cache_uses(session, [CacheUse(*use) for use in sorted(uses)])
