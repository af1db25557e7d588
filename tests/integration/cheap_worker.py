"""A worker whose hashes of passwords take a millisecond, where those of the lowest cost allowed take sixty.

`python -m tests.integration.cheap_worker worker`, in place of `python -m service.cli worker`: for tests in
which it does not matter how long a password takes.
"""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from service import bootstrap
from service.cli import app
from service.infrastructure.security.hash_schemes import Bcrypt

# The lowest that there is. What `BCRYPT_COST` says is still checked, and is then passed over.
_COST = 4


def cheap(_cost: int) -> Bcrypt:
    """Return what the service hashes with, at the lowest cost."""
    return Bcrypt(_COST)


def cheap_hashes() -> AbstractContextManager[Any]:
    """Let the service hash so, as long as this is entered."""
    return patch.object(bootstrap, "Bcrypt", cheap)


if __name__ == "__main__":
    with cheap_hashes():
        app()
