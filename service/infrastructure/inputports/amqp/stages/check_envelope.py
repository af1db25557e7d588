"""What is around a request, before anything in it is read."""

from service.infrastructure.inputports.amqp.context import CallNext, MessageContext
from service.infrastructure.inputports.amqp.decoding import Malformed, MessageTooLarge


class MessageIdMalformed(Malformed):
    """The property message_id cannot be stored or logged as it is."""

    reason = "message_id_malformed"
    message = "The property message_id is not UTF-8."


class CheckEnvelope:
    """Refuses a message that is too large, or whose property `message_id` is no text.

    Answers `invalid`, `message_too_large` or `message_id_malformed`. AMQP 0-9-1 says that short strings are
    UTF-8 (4.2.5.3), and the broker does not look.
    """

    async def __call__(self, context: MessageContext, call_next: CallNext) -> None:
        """Raise a `Malformed`, or go on."""
        if context.is_too_large:
            raise MessageTooLarge
        if not _is_utf8(context.message.message_id):
            raise MessageIdMalformed
        await call_next(context)


def _is_utf8(text: str | None) -> bool:
    """Return whether *text* came as UTF-8: bytes that are not became lone surrogates."""
    return text is None or text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text)
