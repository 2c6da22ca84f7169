"""`weft explain`: what resources consist of, out of the contract; no server is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._output import output_option, print_document, print_fields, print_table

if TYPE_CHECKING:
    from weft.cli._contract import Contract, Field, Message


def _paths(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Completes kinds, and after a dot the fields of what stands before it."""
    from weft.cli._contract import Contract

    contract = Contract()
    before, dot, begun = incomplete.rpartition(".")
    if not dot:
        return [k.name for k in _kinds(contract) if k.name.lower().startswith(begun.lower())]
    message, _ = _found(contract, before)
    fields = message.fields if message else ()
    return [f"{before}.{f.name}" for f in fields if f.name.startswith(begun)]


@click.command()
@click.argument(
    "path",
    metavar="[KIND[.FIELD]...]",
    required=False,
    default="",
    shell_complete=_paths,
)
@output_option
def explain(*, path: str, output: str) -> None:
    """Say what a resource consists of, field by field; without a KIND, which ones there are.

    \b
      weft explain schedule
      weft explain stack.components
    """
    from weft.cli._contract import Contract

    contract = Contract()
    if not path:
        _print_kinds(sorted(_kinds(contract), key=lambda kind: kind.name), output)
        return
    message, field = _found(contract, path)
    _print(contract, message, field, output)


def _found(contract: Contract, path: str) -> tuple[Message | None, Field | None]:
    """What a path leads to: a field, where it goes on from a kind, and the message it holds."""
    kind, *names = path.split(".")
    message, field = contract.message(kind), None
    if message is None:
        raise _unknown(f"there is no kind {kind!r}", kind, [m.name for m in _kinds(contract)])
    for name in names:
        if message is None:
            raise CommandError(f"{field and field.name} has no fields of its own", Exit.NOT_FOUND)
        fields = {each.name.lower(): each for each in message.fields}
        found = fields.get(name.lower().replace("_", ""))
        if found is None:
            known = [each.name for each in message.fields]
            raise _unknown(f"{message.name} has no field {name!r}", name, known)
        field, message = found, contract.messages.get(found.of)
    return message, field


def _kinds(contract: Contract) -> list[Message]:
    return [message for message in contract.messages.values() if message.is_resource]


def _unknown(problem: str, text: str, known: list[str]) -> CommandError:
    from difflib import get_close_matches

    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(text.lower(), by_lower, n=1)
    hint = f"did you mean {by_lower[close[0]]!r}?" if close else f"there are {', '.join(known)}"
    return CommandError(f"{problem}; {hint}", Exit.NOT_FOUND)


def _print_kinds(kinds: list[Message], output: str) -> None:
    if output == "table":
        print_table(("KIND", "WHAT IT IS"), [(kind.name, kind.said) for kind in kinds])
    elif output == "name":
        click.echo("\n".join(kind.name for kind in kinds))
    else:
        print_document([{"kind": k.name, "description": k.said} for k in kinds], output)


def _print(contract: Contract, message: Message | None, field: Field | None, output: str) -> None:
    values = contract.values.get(field.of, {}) if field else {}
    fields = message.fields if message else ()
    if output == "name":
        click.echo("\n".join([f.name for f in fields] or values or [field.name if field else ""]))
    elif output != "table":
        print_document(_document(message, field, values), output)
    else:
        _draw(message, field, values)


def _draw(message: Message | None, field: Field | None, values: Any) -> None:
    about = field or message
    assert about is not None
    type_ = field.type if field else ""
    rules = ", ".join(field.rules) if field else ""
    print_fields([("name", about.name), ("type", type_), ("is", rules), ("about", about.said)])
    if message:
        click.echo()
        rows = [(f.name, f.type, f.said) for f in message.fields]
        print_table(("FIELD", "TYPE", "WHAT IT IS"), rows)
    elif values:
        click.echo()
        print_table(("VALUE", "MEANS"), values.items())


def _document(message: Message | None, field: Field | None, values: Any) -> dict[str, Any]:
    found = _of_field(field) if field else {}
    if message:
        found.setdefault("name", message.name)
        found.setdefault("description", message.said)
        found["fields"] = [_of_field(each) for each in message.fields]
    return {**found, "values": dict(values)} if values else found


def _of_field(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "type": field.type,
        "rules": list(field.rules),
        "description": field.said,
    }
