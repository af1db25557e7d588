"""Which queues replies may be written to."""

import re
from dataclasses import dataclass
from typing import Final

from service.infrastructure.inputports.amqp.decoding import Malformed
from service.pkg.direct_replies import DirectReplyKey

# Queues that were declared without a name: RabbitMQ has given them one.
_BROKER_NAMED: Final = re.compile(r"amq\.gen-[A-Za-z0-9_-]+")
# No caller's name or prefix opens these.
OWN_QUEUES: Final = re.compile(r"(auth|post|profile)\.|amq\.(?!gen-|rabbitmq\.reply-to\.)")


class ReplyToRefused(Malformed):
    """The property reply_to names a queue that callers may not use."""

    reason = "reply_to_refused"
    message = "Replies are not sent to this queue."


@dataclass(frozen=True, slots=True)
class ReplyToPolicy:
    """The queues that replies may be written to. Anything else would let callers write anywhere.

    Attributes:
        prefixes: How queues begin that callers may name themselves, beside those that begin with the name
            of their broker user and a dot.

    """

    prefixes: tuple[str, ...] = ()

    def allow(self, reply_to: str, user: str | None = None) -> bool:
        """Return whether a reply may be sent to *reply_to*, as the validated *user* wants."""
        if OWN_QUEUES.match(reply_to):
            return False
        return (
            _BROKER_NAMED.fullmatch(reply_to) is not None
            or DirectReplyKey.parse(reply_to) is not None
            or (bool(self.prefixes) and reply_to.startswith(self.prefixes))
            or (bool(user) and reply_to.startswith(f"{user}."))
        )
