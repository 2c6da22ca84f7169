"""What writes of builds mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from meshkit.feed import ChangeKind, Transition
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import ids, names
from workspace.operations import pipelines, stacks
from workspace.operations.launches import ENDED, INTENDED, SUBMITTED, Observed
from workspace.operations.refusals import absent, illegal, in_use, taken
from workspace.store import build_launches as launch_store
from workspace.store import builds as store
from workspace.store import projects as project_store
from workspace.store.base import insert
from workspace.store.schema_build_launches import BuildLaunch
from workspace.store.schema_snapshots import Build

BUILDING, SUCCEEDED, FAILED, CANCELLED = "BUILDING", "SUCCEEDED", "FAILED", "CANCELLED"

# How many users a refusal names.
_NAMED = 10
# As much as a state's reason may have anywhere; the end says most.
_MAX_WORDS = 1024


@dataclass(frozen=True, slots=True)
class NewBuild:
    """A build to create; without an id it gets a memorable one.

    `recipes` are of the images that a workload is to build, by their URIs, and `fields` says where
    the request names them.
    """

    project: str
    id: str
    pipeline: str
    checksum: str
    creator: str
    image: dict[str, Any]
    step_images: dict[str, Any]
    labels: dict[str, str]
    stack: str = ""
    recipes: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


def create(session: Session, new: NewBuild) -> Build:
    """Creates a build, and its pipeline if it is the first; NotFound, AlreadyExists.

    With it stand the intents that workloads build its images: together or not at all.
    """
    if not project_store.existing(session, {new.project}):
        raise absent(names.project(new.project))
    if new.id and store.get(session, new.project, new.id):
        raise taken(_name(new.project, new.id))
    stacks.require(session, new.stack)
    pipelines.ensure(session, {(new.project, new.pipeline): new.creator})
    row = Build(
        uid=new_uid(),
        project=new.project,
        id=new.id or ids.memorable(),
        pipeline=new.pipeline,
        checksum=new.checksum,
        creator=new.creator,
        create_time=session.now,
        image=new.image,
        step_images=new.step_images,
        labels=new.labels,
        stack=new.stack,
        state=BUILDING if new.recipes else SUCCEEDED,
        end_time=None if new.recipes else session.now,
    )
    insert(session, [row])
    insert(session, [_launch(session, row, *each) for each in enumerate(new.recipes.items())])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def delete(session: Session, project: str, build: str) -> None:
    """Deletes a build that no snapshot uses; FailedPrecondition with those that do.

    Also one that was cancelled is under way until its workloads were told: without it, nobody would
    know of them.
    """
    row = store.lock(session, project, build)
    if row is None:
        raise absent(_name(project, build))
    if row.state == BUILDING:
        raise illegal(row.name, row.state, "DELETED")
    if launch_store.is_under_way(session, row.uid):
        raise illegal(row.name, f"{row.state}, of which its workload has yet to hear,", "DELETED")
    users = store.users(session, row, _NAMED)
    if users:
        raise in_use(row.name, users)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def cancel(session: Session, project: str, build: str) -> Build:
    """Ends a build that is under way; NotFound, FailedPrecondition where it has ended."""
    row = store.lock(session, project, build)
    if row is None:
        raise absent(_name(project, build))
    if row.state != BUILDING:
        raise illegal(row.name, row.state, CANCELLED)
    _move(session, row, CANCELLED, "It was cancelled.")
    session.audited(resource=row.name)
    return row


def place(session: Session, launch: BuildLaunch, manager: str) -> None:
    """Writes down which manager (its uid) is to get a workload, before it is asked."""
    launch_store.place(session, launch.workload, manager)


def submitted(session: Session, launch: BuildLaunch, start_by: datetime) -> None:
    """The manager has the workload."""
    current = launch_store.get(session, launch.build_uid, launch.uri)
    if current and current.state == INTENDED:
        current.state, current.start_by = SUBMITTED, start_by
        launch_store.save(session, current)
        # Whatever kept it waiting does so no more.
        _explain(session, launch, "")


def delayed(session: Session, launch: BuildLaunch, words: str, give_up: datetime | None) -> None:
    """The workload cannot be submitted now; `give_up` is until when that is tried at most."""
    current = launch_store.get(session, launch.build_uid, launch.uri)
    if current and current.state == INTENDED and current.start_by != give_up:
        current.start_by = give_up
        launch_store.save(session, current)
    _explain(session, launch, words)


def left(session: Session, launch: BuildLaunch) -> None:
    """Nobody waits for the image any more, or its workload was told to end."""
    current = launch_store.get(session, launch.build_uid, launch.uri)
    if current:
        _close(session, current)


def failed(session: Session, launch: BuildLaunch, words: str) -> None:
    """The image will not be built."""
    current = launch_store.get(session, launch.build_uid, launch.uri)
    if current and current.state != ENDED:
        _close(session, current)
        _fail(session, current, words)


def observed(session: Session, seen: Observed, digest: str) -> None:
    """The manager says where a workload stands, which may build an image of several builds.

    `digest` is the one that it said last, where it has ended well.
    """
    for launch in launch_store.by_workload(session, seen.workload, seen.manager):
        if not seen.outcome:
            if launch.state == SUBMITTED and bool(launch.start_by) != bool(seen.start_by):
                launch.start_by = seen.start_by
                launch_store.save(session, launch)
            _explain(session, launch, seen.words)
            continue
        _close(session, launch)
        if digest:
            _have(session, launch, digest)
        else:
            _fail(session, launch, seen.last_words or seen.words)


def _launch(
    session: Session, build: Build, number: int, image: tuple[str, dict[str, Any]]
) -> BuildLaunch:
    """The intent that an image is built, by the workload that builds it already if one does.

    Two replicas may each start one at the very same moment: both push the same then.
    """
    uri, recipe = image
    shared = launch_store.under_way(session, build.project, uri)
    own = f"build-{build.uid.hex}-{number}"
    return BuildLaunch(
        build_uid=build.uid,
        uri=uri,
        project=build.project,
        build=build.id,
        workload=shared.workload if shared else own,
        recipe=recipe,
        manager=shared.manager if shared else "",
    )


def _have(session: Session, launch: BuildLaunch, digest: str) -> None:
    """Takes down the digest of an image; with the last of them the build has succeeded."""
    row = store.lock(session, launch.project, launch.build)
    if row is None or row.state != BUILDING:
        return
    own = [image for image in (row.image, *row.step_images.values()) if image]
    for image in own:
        if image["uri"] == launch.uri:
            image["digest"] = digest
    if all(image.get("digest") for image in own):
        _move(session, row, SUCCEEDED, "")
    else:
        store.save(session, row)


def _fail(session: Session, launch: BuildLaunch, words: str) -> None:
    row = store.lock(session, launch.project, launch.build)
    if row and row.state == BUILDING:
        _move(session, row, FAILED, f"{launch.uri}: {words}"[-_MAX_WORDS:])


def _move(session: Session, row: Build, state: str, reason: str) -> None:
    transition = Transition(row.state, state, reason)
    row.state, row.state_reason, row.end_time = state, reason, session.now
    store.save(session, row)
    session.emit(ChangeKind.UPDATED, row, fields=("state",), transition=transition)


def _explain(session: Session, launch: BuildLaunch, words: str) -> None:
    row = store.lock(session, launch.project, launch.build)
    if row and row.state == BUILDING and row.state_reason != words:
        row.state_reason = words
        store.save(session, row)
        session.emit(ChangeKind.UPDATED, row, fields=("state_reason",))


def _close(session: Session, launch: BuildLaunch) -> None:
    launch.state = ENDED
    launch_store.save(session, launch)


def _name(project: str, build: str) -> str:
    return names.child(names.project(project), "builds", build)
