"""The profile service: a worker that answers requests from RabbitMQ queues."""

from importlib import import_module


def __getattr__(name: str) -> str:
    """Return the version: it stands in pyproject.toml, and came with the installation.

    To read it takes long enough to be noticed, so whoever does not ask does not wait.
    """
    if name != "__version__":
        raise AttributeError(name)
    version: str = import_module("importlib.metadata").version("profile-service")
    return version
