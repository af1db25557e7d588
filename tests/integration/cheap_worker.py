"""A worker whose hashes of passwords take a millisecond, where those of the lowest cost allowed take sixty.

`python -m tests.integration.cheap_worker worker`, in place of `python -m service.cli worker`: for tests in
which it does not matter how long a password takes.
"""

from unittest.mock import patch

from service import bootstrap
from service.cli import app
from service.infrastructure.security.passwords import BcryptPasswordHasher
from service.pkg.hashing_pool import HashingPool

# The lowest that there is. What `BCRYPT_COST` says is still checked, and is then passed over.
_COST = 4


def cheap(pool: HashingPool, _cost: int) -> BcryptPasswordHasher:
    """Return what the service hashes with, at the lowest cost."""
    return BcryptPasswordHasher(pool, _COST)


if __name__ == "__main__":
    with patch.object(bootstrap, "BcryptPasswordHasher", cheap):
        app()
