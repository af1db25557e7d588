"""What tells one command from another, however often it comes."""

import hashlib
from dataclasses import dataclass, field, replace

from service.domain.idempotency import IdempotencyKey
from service.infrastructure.inputports.amqp.actor_name import actor_name
from service.infrastructure.inputports.amqp.context import CallNext, MessageContext


@dataclass(frozen=True, slots=True)
class AddIdempotencyKey:
    """Gives a command the key under which it has its effect once, if its sender has named it.

    Reads the property `message_id`. The key goes with a digest of who asks and for what, so that another
    command under the same name is told so: `conflict`, `message_id_reused` (IETF draft "The Idempotency-Key
    HTTP Header Field"). The digest is keyed, because a request may hold a password: from a plain digest in
    the database it could be guessed without bcrypt's work.
    """

    key: bytes = field(repr=False)

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Add the key; go on."""
        if context.message_id and context.caller:
            said = f"{context.route.queue}\n{actor_name(context.caller)}\n{context.request.model_dump_json()}"
            digest = hashlib.blake2b(
                said.encode(errors="surrogatepass"), key=self.key, digest_size=16
            ).digest()
            context.caller = replace(
                context.caller,
                message_id=context.message_id,
                idempotency_key=IdempotencyKey(context.message_id, digest),
            )
        await call_next(context)
