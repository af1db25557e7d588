"""A typed client of the service over RabbitMQ: the extra `client`, which brings aio-pika."""

from profile_contracts.call_options import CallOptions
from profile_contracts.client.event_subscriber import EventSubscriber
from profile_contracts.client.rpc import ProfileClient

__all__ = ["CallOptions", "EventSubscriber", "ProfileClient"]
