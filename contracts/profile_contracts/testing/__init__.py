"""A fake of the profile service in memory, with the interface of the client: for the tests of gateways.

It needs pydantic, and no server. One suite of tests holds it to what the service does.
"""

from profile_contracts.testing.fake_client import FakeProfileClient
from profile_contracts.testing.refusals import refused

__all__ = ["FakeProfileClient", "refused"]
