"""The door through which strangers' messages come: found, verified, read, and then kept.

What is refused leaves nothing behind. Whoever is refused learns nothing: of a webhook that does
not exist a decoy's signature is asked, at the same price and in the same words.
"""

import asyncio
from collections.abc import Mapping

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import NotFound, Unauthenticated
from meshkit.limits import Rate, RateLimiter
from meshkit.standard_webhooks import VerificationError
from workspace.operations import deliveries, webhooks
from workspace.operations.deliveries import Arrival
from workspace.operations.refusals import invalid
from workspace.operations.webhooks import WebhookKey
from workspace.secrets.sealer import Sealer
from workspace.store import webhooks as store
from workspace.store.schema_webhooks import Webhook, WebhookDelivery
from workspace.webhooks import payloads
from workspace.webhooks.signatures import SCHEMES, Message, Origin

# Of one address. Charged are those that fail alone: the many senders behind GitHub's addresses
# must not be able to shut each other out.
_FAILURES = Rate(per_second=1, burst=60)


class Intake:
    """Takes messages for the webhooks of a workspace."""

    def __init__(self, database: Database, sealer: Sealer, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._failures = RateLimiter(_FAILURES, clock.monotonic)
        self._decoy: Webhook | None = None

    async def receive(
        self, key: WebhookKey, body: bytes, headers: Mapping[str, str], *, address: str
    ) -> WebhookDelivery:
        """Keeps a message that was rightly signed; `headers` have lower-case names.

        Raises InvalidArgument, Unauthenticated `WEBHOOK_NOT_VERIFIED`, ResourceExhausted, and
        what `deliveries.take` raises.
        """
        if len(body) > payloads.MAX_BYTES:
            raise invalid("body", f"must not be larger than {payloads.MAX_BYTES} bytes")
        webhook = await self._database.read(store.get, key.project, key.id)
        message = Message(headers, body, self._clock.now().timestamp())
        origin = self._origin(webhook or self._nobody(), message)
        if webhook is None or origin is None:
            raise self._refused(address)
        payload = await asyncio.to_thread(payloads.parse, body)
        # The specification has the event in the body.
        said = payload.get("type", "") if origin.event_type is None else origin.event_type
        event_type = said[:256] if isinstance(said, str) else ""
        arrival = Arrival(origin.delivery_id, event_type, body, payload)
        try:
            return await self._database.write(deliveries.take, key, webhook.uid, arrival)
        except NotFound as error:
            raise self._refused(address) from error

    def _origin(self, webhook: Webhook, message: Message) -> Origin | None:
        secrets = webhooks.secrets_of(self._sealer, webhook, self._clock.now())
        try:
            return SCHEMES[webhook.kind](secrets, webhook.hmac, message)
        except VerificationError:
            return None

    def _nobody(self) -> Webhook:
        if self._decoy is None:
            self._decoy = webhooks.decoy(self._sealer, self._clock.now())
        return self._decoy

    def _refused(self, address: str) -> Unauthenticated:
        """The refusal; raises ResourceExhausted for an address that had too many."""
        self._failures.take(address)
        return Unauthenticated(
            "WEBHOOK_NOT_VERIFIED",
            "There is no such webhook, or the message is not signed with its secret.",
        )
