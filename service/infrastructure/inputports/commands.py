"""What tells one command from another, however often it comes."""

import hashlib
from dataclasses import replace
from typing import Any

from profile_contracts.fields import Request
from profile_contracts.operations import Kind, Operation
from service.app.request_context import RequestContext
from service.domain.idempotency import IdempotencyKey
from service.infrastructure.inputports.audit import actor_name


def named(
    caller: RequestContext, operation: Operation[Any, Any], request: Request, key: bytes
) -> RequestContext:
    """Return *caller* with the name of the command, if the sender gave it one.

    The digest is keyed, because a request may hold a password: from a plain digest in the database it
    could be guessed without bcrypt's work.
    """
    if operation.kind is Kind.QUERY or not caller.message_id:
        return caller
    said = f"{operation.queue}\n{actor_name(caller)}\n{request.model_dump_json()}"
    digest = hashlib.blake2b(said.encode(errors="surrogatepass"), key=key, digest_size=16).digest()
    return replace(caller, idempotency_key=IdempotencyKey(caller.message_id, digest))
