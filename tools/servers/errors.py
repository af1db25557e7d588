"""What can go wrong with local servers, each told in one sentence."""


class ServersUnavailable(Exception):
    """There is no way to a server here; the message says what to set or install."""


class ServerFailed(Exception):
    """A server that we started ended, or was not ready in time; the message quotes its log."""


class PortTaken(ServerFailed):
    """Somebody else got the port between our choosing it and the server's binding it."""
