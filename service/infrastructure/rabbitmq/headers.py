"""Names of the headers of what workers retry or dead-letter, and limits of those that they copy."""

from typing import Final

# Why a message is in a dead-letter queue.
ERROR_CODE: Final = "x-error-code"
ERROR_REASON: Final = "x-error-reason"
ERROR_TYPE: Final = "x-error-type"
FAILED_AT: Final = "x-failed-at"
ORIGINAL_QUEUE: Final = "x-original-queue"
# How often it was tried; and, while it is retried, how often it was tried before.
ATTEMPTS: Final = "x-attempts"
ATTEMPT: Final = "x-attempt"
# When it first came, in epoch milliseconds; and what RabbitMQ's message interceptor says of any message.
ARRIVED_AT: Final = "x-arrived-at"
BROKER_TIMESTAMP: Final = "timestamp_in_ms"
# Whether it holds all that was asked; how often operators have sent it back; since when it is kept apart.
REPLAYABLE: Final = "x-replayable"
REPLAY_COUNT: Final = "x-replay-count"
PARKED_AT: Final = "x-parked-at"

# Of `authorization` and `x-client-ip`, in bytes: longer than any token of ours, and than any address.
MAX_AUTHORIZATION: Final = 8_192
MAX_ADDRESS: Final = 64
