"""What tells one command from another, however often it comes."""

import hashlib
from dataclasses import replace

from service.domain.idempotency import IdempotencyKey
from service.infrastructure.inputports.amqp.actor_name import actor_name
from service.infrastructure.inputports.amqp.context import CallNext, MessageContext


class AddIdempotencyKey:
    """Gives a command the key under which it has its effect once, if its sender has named it.

    Reads the property `message_id`. The key goes with a digest of who asks and for what, so that another
    command under the same name is told so: `conflict`, `message_id_reused` (IETF draft "The Idempotency-Key
    HTTP Header Field"). The digest is keyed, because a request may hold a password: from a plain digest in
    the database it could be guessed without bcrypt's work.

    Args:
        key: The secret of digests.
        former_keys: Those of digests that are stored already.

    """

    def __init__(self, key: bytes, *former_keys: bytes) -> None:
        self._key = key
        self._former_keys = former_keys

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Add the key; go on."""
        if context.message_id and context.caller:
            said = f"{context.route.queue}\n{actor_name(context.caller)}\n{context.request.model_dump_json()}"
            text = said.encode(errors="surrogatepass")
            former = tuple(_digest(text, each) for each in self._former_keys)
            key = IdempotencyKey(context.message_id, _digest(text, self._key), former)
            context.caller = replace(context.caller, message_id=context.message_id, idempotency_key=key)
        await call_next(context)


def _digest(text: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(text, key=key, digest_size=16).digest()
