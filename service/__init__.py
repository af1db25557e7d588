"""The profile service: a worker that answers requests from RabbitMQ queues."""

from importlib.metadata import version

# It stands in pyproject.toml, and came with the installation.
__version__ = version("profile-service")
