"""`weft schema`: what a file of run settings may say, for editors and for checks in CI."""

from __future__ import annotations

import json
from typing import Any

import click

from weft.cli._exit import Exit


@click.command()
@click.argument("target", metavar="[FILE[::PIPELINE]]", required=False)
def schema(*, target: str | None) -> int:
    """Print the JSON Schema of what `weft run --config` takes.

    With FILE it knows the pipeline's parameters and steps. Editors that complete by it read its
    place in the first line of the YAML: # yaml-language-server: $schema=run.schema.json
    """
    from weft._config_schema import SCHEMA

    click.echo(json.dumps(_of(target) if target else SCHEMA, indent=2))
    return Exit.DONE


def _of(target: str) -> dict[str, Any]:
    from weft._config_schema import schema_for
    from weft._submit import draw, load_code

    code = load_code(target)
    parameters = code.pipeline.parameters
    # Which steps there are may depend on what has no default.
    needed = [parameter for parameter in parameters.all.values() if parameter.is_required]
    steps = None if needed else [*draw(code, parameters.bind()).nodes]
    return schema_for(parameters.schema(), steps)
