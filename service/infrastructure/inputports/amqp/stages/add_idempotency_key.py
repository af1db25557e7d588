"""What tells one command from another, however often it comes."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from service.app.auth.actors import Anonymous
from service.app.request_context import RequestContext
from service.domain.idempotency import FormerKey, IdempotencyKey
from service.infrastructure.inputports.amqp.actor_name import actor_name
from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.pkg.key_source import KeySource


class AddIdempotencyKey:
    """Gives a command the key under which it has its effect once, if its sender has named it.

    Reads the property `message_id`, which is the sender's own: others may use the same. The key goes with a
    digest of what was asked for, so that another command under the same name is told so: `conflict`,
    `message_id_reused` (IETF draft "The Idempotency-Key HTTP Header Field"). What was not sent is not in it,
    so that optional fields of later versions do not change it. The digest is keyed, because a request may
    hold a password: from a plain digest in the database it could be guessed without bcrypt's work.

    While one secret follows another, a command has a key by each of them: it is recorded under all, so that
    workers that know different ones know it, and a repetition finds it under any.

    Args:
        keys: The secrets of digests.
        former_keys: Those of digests that version 0.1 has stored.

    """

    def __init__(self, keys: KeySource, former_keys: KeySource) -> None:
        self._keys = keys
        self._former_keys = former_keys

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Add the key; go on."""
        if context.message_id and context.caller:
            secrets = self._keys()
            name = f"{_sender(context.caller)}\n{context.message_id}"
            said = f"{context.route.queue}\n{context.request.model_dump_json(exclude_unset=True)}"
            first, *others = (IdempotencyKey(_digest(name, each), _digest(said, each)) for each in secrets)
            former = self._former(context, context.message_id, context.caller, secrets)
            key = replace(first, former=former, others=tuple(others), on_repeat=context.mark_repeated)
            context.caller = replace(context.caller, idempotency_key=key)
        await call_next(context)

    def _former(
        self, context: MessageContext, message_id: str, caller: RequestContext, secrets: Sequence[bytes]
    ) -> FormerKey:
        request, begin = context.request, f"{context.route.queue}\n{actor_name(caller)}\n"

        def digests() -> tuple[bytes, ...]:
            text = begin + request.model_dump_json()
            return tuple(_digest(text, each) for each in (*secrets, *self._former_keys()))

        return FormerKey(message_id, digests)


def _sender(caller: RequestContext) -> str:
    """Return whose `message_id` it is: of anonymous callers, that of the service that they come through."""
    if not isinstance(caller.actor, Anonymous):
        return actor_name(caller)
    if former := caller.actor.former_user:
        return actor_name(replace(caller, actor=former))
    return f"anonymous:{caller.service or ''}"


def _digest(text: str, key: bytes) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), key=key, digest_size=16).digest()
