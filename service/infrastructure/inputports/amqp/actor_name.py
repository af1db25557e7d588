"""Who asks, as logs and digests name them."""

from service.app.auth.actors import Anonymous, Caller, TrustedService


def actor_name(caller: Caller | None) -> str:
    """Return the name of who asks."""
    if caller is None or isinstance(caller.actor, Anonymous):
        return "anonymous"
    if isinstance(caller.actor, TrustedService):
        return f"service:{caller.actor.name}"
    return f"user:{caller.actor.id}"
