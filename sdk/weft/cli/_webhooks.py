"""What the commands of webhooks share: addresses, and how to sign by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft._enums import word
from weft.cli._names import short

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import webhook_types_pb2, webhooks_pb2_grpc

_GITHUB = """\
In GitHub, under Settings > Webhooks > Add webhook:
  Payload URL   {address}
  Content type  application/json
  Secret        what is printed here, now and never again"""
_STANDARD = """\
The sender signs by Standard Webhooks, with the secret that is printed here, now and never again:
  {address}"""
_HMAC = """\
The sender puts the HMAC-SHA256 of {signed}, in hexadecimal, into the header {header},
with the secret that is printed here, now and never again:
  {address}"""
_TRY = """\
Try it, with that in SECRET:
  BODY='{{"ref": "refs/heads/main"}}'{before}
  SIGNATURE=$({signing})
  curl{trust} -H 'content-type: application/json'{headers} \\
    --data-binary "$BODY" {address}"""
# openssl's own way to say "key, then text, digest alone".
_BY_TEXT = """printf %s "{signed}" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d' ' -f1"""
_BY_KEY = (
    """printf %s "msg_$TIME.$TIME.$BODY" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" """
    """-binary | base64"""
)
_KEY = """
  TIME=$(date +%s) KEY=$(printf %s "${SECRET#whsec_}" | base64 -d | od -An -vtx1 | tr -d ' \\n')"""


def connect() -> tuple[Connection, webhooks_pb2_grpc.WebhookServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import webhooks_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(webhooks_pb2_grpc.WebhookServiceStub)


def child_name(connection: Connection, text: str) -> str:
    return text if text.startswith("projects/") else f"{connection.project}/webhooks/{text}"


def kind_of(webhook: webhook_types_pb2.Webhook) -> str:
    """Its kind as `--kind` takes it."""
    from weftapi.workspace.v1 import webhook_types_pb2

    return word(webhook_types_pb2.WebhookKind, webhook.kind).lower()


def address_of(connection: Connection, name: str) -> str:
    """Where messages for a webhook are sent; through the gateway that the context names."""
    gateway = connection.context.gateway or "https://YOUR-GATEWAY"
    workspace = short(connection.context.workspace)
    place = f"workspaces/{workspace}" if workspace else "workspace"
    return f"{gateway}/api/{place}/v1/{name}:receive"


def how_to_send(connection: Connection, webhook: webhook_types_pb2.Webhook) -> str:
    """What to type into the sender, and a message signed by hand."""
    address = address_of(connection, webhook.name)
    # The CA of a mesh with one of its own: whoever runs it knows the file.
    trust = ' --cacert "$CA"' if connection.context.ca_pem else ""
    kind = kind_of(webhook)
    if kind == "standard":
        headers = """ -H "webhook-id: msg_$TIME" -H "webhook-timestamp: $TIME" \\
    -H "webhook-signature: v1,$SIGNATURE" """.rstrip()
        signing, before = _BY_KEY, _KEY
        told = _STANDARD.format(address=address)
    elif kind == "hmac":
        time = webhook.hmac.timestamp
        signed = "$TIME.$BODY" if time else "$BODY"
        headers = f' -H "{webhook.hmac.signature}: $SIGNATURE"'
        headers += f' -H "{time}: $TIME"' if time else ""
        signing, before = _BY_TEXT.format(signed=signed), "\n  TIME=$(date +%s)" if time else ""
        what = "the time, a dot and the body" if time else "the body"
        told = _HMAC.format(signed=what, header=webhook.hmac.signature, address=address)
    else:
        headers = """ -H 'x-github-event: push' -H "x-hub-signature-256: sha256=$SIGNATURE\""""
        signing, before = _BY_TEXT.format(signed="$BODY"), ""
        told = _GITHUB.format(address=address)
    tried = _TRY.format(
        before=before, signing=signing, trust=trust, headers=headers, address=address
    )
    return f"{told}\n{tried}"
