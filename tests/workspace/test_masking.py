"""Secrets that a run was given are in none of its logs and reports, whoever forgot to hide them."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clouds import fake_secret_stores
from tests.workspace.harness import Harness, refused, run_report, spec_step, step_report, workspace
from tests.workspace.log_clients import NAME, Writer, create_log, line, listing, messages
from tests.workspace.secret_clients import Update, create, values
from tests.workspace.test_secret_migration import migrate, vault_of
from weftapi.workspace.v1 import (
    logs_pb2,
    reports_pb2,
    run_types_pb2,
    runs_pb2,
    secrets_pb2,
    steps_pb2,
)
from workspace.secrets.masking import Masking
from workspace.secrets.masks import MASK, Mask

VALUE = 'p@ss/w0rd+"quoted" & more'
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n-----END KEY-----\n"


@given(value=st.text(min_size=8, max_size=40), around=st.tuples(st.binary(max_size=5), st.binary()))
@settings(max_examples=60, deadline=None)
def test_a_value_is_found_in_the_base64_of_whatever_holds_it(
    value: str, around: tuple[bytes, bytes]
) -> None:
    value = value.strip()
    if len(value.encode()) < 8 or len(value.splitlines()) != 1:
        return
    mask = Mask([value])
    whole = around[0] + value.encode() + around[1]
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert MASK in mask.text(f"Authorization: Basic {encode(whole).decode()}")
        assert mask.hits(encode(whole))


@given(value=st.text(min_size=4, max_size=40))
@settings(max_examples=60, deadline=None)
def test_no_text_shows_a_value_after_it_was_masked(value: str) -> None:
    value = value.strip()
    if len(value) < 4 or len(value.splitlines()) != 1 or value in f"before after{MASK}":
        return
    mask = Mask([value])
    for text in (value, json.dumps(value)[1:-1], quote(value, safe="")):
        assert text not in mask.text(f"before {text} after").removeprefix("before ")
        assert mask.hits(f"before {text} after".encode())


def test_short_values_stand_in_ordinary_text_and_are_left_there() -> None:
    mask = Mask(["abc", "", "  yes "])
    assert mask.text("abc, yes") == "abc, yes"
    assert not mask.hits(b"abc, yes")
    assert Mask(["four"]).text("four more") == "*** more"


async def _given(ws: Harness, **secret: str) -> str:
    """The name of a run that was given a secret."""
    await create(ws, "hf", secret)
    spec = spec_step("fit")
    spec.secrets.append("hf")
    run = await ws.create_run(snapshot=(await ws.create_snapshot(spec)).name)
    token = await ws.run_token(run.name)
    assert await values(ws, "hf", token) == secret
    return run.name


async def _print(ws: Harness, *lines: Any, name: str = NAME, first: int = 0) -> None:
    body = logs_pb2.LogChunk(first_offset=first, lines=lines)
    await ws.logs().WriteLogs(logs_pb2.WriteLogsRequest(log_stream=name, chunk=body))


async def test_values_are_hidden_in_every_form_in_which_they_are_sent(ws: Harness) -> None:
    name = await create_log(ws, run=await _given(ws, token=VALUE, key=KEY, pin="123"))
    pair = base64.b64encode(f"someone:{VALUE}".encode()).decode()
    await _print(
        ws,
        line(f"the token is {VALUE}!"),
        line(json.dumps({"token": VALUE})),
        line(f"GET /?token={quote(VALUE, safe='')}"),
        line(f"Authorization: Basic {pair}"),
        line("MIIEvQIBADANBgkq"),
        line("pin 123 stays", logger=f"app.{VALUE}"),
        line("p@ss/w0rd alone is something else"),
    )
    shown = await listing(ws.logs(), name)
    assert messages(shown)[:3] == ["the token is ***!", '{"token": "***"}', "GET /?token=***"]
    assert pair[-10:] not in shown[3].message
    assert messages(shown)[4:] == ["***", "pin 123 stays", "p@ss/w0rd alone is something else"]
    assert shown[5].logger == "app.***"


async def test_a_value_across_pieces_of_one_long_line_is_hidden(ws: Harness) -> None:
    name = await create_log(ws, run=await _given(ws, token=VALUE))
    await _print(
        ws,
        line(f"begins {VALUE[:7]}", continued=True),
        line(VALUE[7:9], continued=True),
        line(f"{VALUE[9:]} ends"),
        line("next"),
    )
    shown = await listing(ws.logs(), name)
    assert "".join(messages(shown)[:3]) == "begins *** ends"
    assert [one.continued for one in shown] == [True, True, False, False]
    assert shown[3].message == "next"


async def test_an_open_writer_hides_what_its_run_is_given_later(ws: Harness) -> None:
    await create(ws, "hf", {"token": VALUE})
    spec = spec_step("fit")
    spec.secrets.append("hf")
    run = await ws.create_run(snapshot=(await ws.create_snapshot(spec)).name)
    writer = await Writer(ws.logs(), await create_log(ws, run=run.name)).open()
    await writer.send(logs_pb2.LogChunk(lines=[line("nothing to hide yet")]))
    await writer.wait_for(1)
    await values(ws, "hf", await ws.run_token(run.name))
    await writer.send(logs_pb2.LogChunk(first_offset=1, lines=[line(f"now: {VALUE}")]))
    await writer.wait_for(2)
    await writer.done()
    assert messages(await listing(ws.logs(), NAME)) == ["nothing to hide yet", "now: ***"]
    # Another run, which was not given it, may print the same text.
    other = await create_log(ws, "other")
    await _print(ws, line(VALUE), name=other)
    assert messages(await listing(ws.logs(), other)) == [VALUE]


async def test_another_replica_hides_it_too(ws: Harness) -> None:
    run = await _given(ws, token=VALUE)
    parts = ws.workspace.logs._masking
    other = Masking(ws.workspace.database, parts._keeper, ws.clock)
    key = ("demo", run.rpartition("/")[2])
    mask = await other.fresh(*key)
    assert mask
    assert mask.text(VALUE) == MASK
    before = await other.fresh("demo", "somebody-else")
    assert before is None


async def test_another_replica_hides_what_a_run_is_given_after_a_secret_changed(
    ws: Harness,
) -> None:
    run = await _given(ws, token=VALUE)
    other = Masking(ws.workspace.database, ws.workspace.logs._masking._keeper, ws.clock)
    key = ("demo", run.rpartition("/")[2])
    assert await other.fresh(*key)
    secret = secrets_pb2.Secret(name="secrets/hf", values={"token": "another-value"})
    await ws.secrets().UpdateSecret(Update(secret=secret, update_mask={"paths": ["values"]}))
    await values(ws, "hf", await ws.run_token(run))
    ws.clock.move(seconds=2)
    mask = await other.fresh(*key)
    assert mask
    assert mask.text(f"{VALUE} another-value") == f"{MASK} {MASK}"


async def test_a_server_that_was_restarted_still_hides(tmp_path: Path, database_url: str) -> None:
    async with workspace(tmp_path, database_url) as ws:
        await ws.create_project()
        run = await _given(ws, token=VALUE)
        await create_log(ws, run=run)
        identity, mesh = ws.uid, ws.mesh
    async with workspace(tmp_path, database_url) as ws:
        await _print(ws, line(f"again {VALUE}"))
        assert messages(await listing(ws.logs(), NAME)) == ["again ***"]
        assert (identity, mesh) != (ws.uid, ws.mesh)


async def _upkeep(ws: Harness) -> None:
    await ws.jobs["secrets"].run(None)  # type: ignore[arg-type] - it asks for no lease


async def test_a_value_that_was_replaced_is_hidden_for_as_long_as_a_run_may_print_it(
    tmp_path: Path, database_url: str
) -> None:
    async with workspace(tmp_path, database_url) as ws:
        await ws.create_project()
        run = await _given(ws, token=VALUE)
        await create_log(ws, run=run)
        secret = secrets_pb2.Secret(name="secrets/hf", values={"token": "another-value"})
        await ws.secrets().UpdateSecret(Update(secret=secret, update_mask={"paths": ["values"]}))
        ws.clock.move(minutes=2)
        await _upkeep(ws)
    async with workspace(tmp_path, database_url) as ws:
        await _print(ws, line(f"again {VALUE}, or another-value"))
        assert messages(await listing(ws.logs(), NAME)) == ["again ***, or ***"]
        await ws.report(run, str(uuid4()), run_report(1, "RUNNING"), run_report(2, "SUCCEEDED"))
        ws.clock.move(minutes=2)
        await _upkeep(ws)
        masking = ws.workspace.logs._masking
        other = Masking(ws.workspace.database, masking._keeper, ws.clock)
        mask = await other.now("demo", run.rpartition("/")[2])
        assert mask
        assert mask.text(f"{VALUE}, another-value") == f"{VALUE}, ***", "it is deleted"


def _failure() -> run_types_pb2.Failure:
    return run_types_pb2.Failure(
        kind=run_types_pb2.FAILURE_KIND_USER, code="STEP_RAISED", message=f"401 for {VALUE}"
    )


async def test_failures_reasons_and_metadata_are_masked(ws: Harness) -> None:
    # A value may also be a word of ours: it is hidden in texts, and not taken for a field.
    run = await _given(ws, token=VALUE, odd="message")
    reporter = str(uuid4())
    failed = step_report(3, "fit", "FAILED", reason=f"bad {VALUE}")
    failed.step.failure.CopyFrom(_failure())
    failed.step.failure.traceback = f'raise Error("{VALUE}")'
    failed.step.metadata.update({"url": f"https://x/{VALUE}", "rows": 3})
    ended = run_report(4, "FAILED", reason=f"step fit: {VALUE}")
    ended.run.failure.CopyFrom(_failure())
    asked = reports_pb2.WriteMetadataRequest(run=run)
    asked.values.update({"note": f"used {VALUE}"})
    await ws.report(run, reporter, run_report(1, "RUNNING"), step_report(2, "fit", "RUNNING"))
    await ws.reports().WriteMetadata(asked)
    await ws.report(run, reporter, failed, ended)
    step = await ws.steps().GetStep(steps_pb2.GetStepRequest(name=f"{run}/steps/fit"))
    shown = await ws.runs().GetRun(runs_pb2.GetRunRequest(name=run))
    assert VALUE not in f"{step} {shown}"
    assert json.dumps(VALUE)[1:-1] not in f"{step} {shown}"
    assert step.failure.message == "401 for ***"
    assert step.metadata["url"] == "https://x/***"
    assert step.metadata["rows"] == 3
    assert shown.failure.message == "401 for ***"
    assert shown.metadata["note"] == "used ***"


async def test_what_cannot_be_masked_waits_or_is_not_shown(
    tmp_path: Path, database_url: str
) -> None:
    async with fake_secret_stores.vault() as vault, workspace(tmp_path, database_url) as ws:
        await ws.create_project()
        await migrate(ws, vault_of(vault))
        run = await _given(ws, token=VALUE)
        await create_log(ws, run=run)
    async with workspace(tmp_path, database_url) as ws:
        async with refused("UNAVAILABLE", "LOG_MASKING_UNAVAILABLE"):
            await _print(ws, line(VALUE))
        failed = run_report(1, "FAILED")
        failed.run.failure.CopyFrom(_failure())
        await ws.report(run, str(uuid4()), failed)
        shown = await ws.runs().GetRun(runs_pb2.GetRunRequest(name=run))
        assert "cannot be read now" in shown.failure.message
        assert VALUE not in str(shown)
