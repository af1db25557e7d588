"""Who asks, as logs and digests name them."""

from service.app.auth.actors import Anonymous, TrustedService
from service.app.request_context import RequestContext


def actor_name(caller: RequestContext | None) -> str:
    """Return the name of who asks."""
    if caller is None or isinstance(caller.actor, Anonymous):
        return "anonymous"
    if isinstance(caller.actor, TrustedService):
        return f"service:{caller.actor.name}"
    return f"user:{caller.actor.id}"
