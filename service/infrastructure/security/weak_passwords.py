"""How well a password withstands guessing, as zxcvbn estimates it."""

from decimal import Decimal
from functools import partial
from typing import Final

from zxcvbn.matching import RANKED_DICTIONARIES, build_ranked_dict, omnimatch
from zxcvbn.scoring import most_guessable_match_sequence
from zxcvbn.time_estimates import guesses_to_score

from service.app.auth.passwords import WeakPasswords
from service.infrastructure.security.passwords import run_in_pool
from service.pkg.hashing_pool import HashingPool

# In characters. What follows makes no password weaker; but to look at 72 that were made up for that takes
# two seconds of a core, and at 24 of them a fifth of one.
_LOOKED_AT: Final = 24


class ZxcvbnPasswords(WeakPasswords):
    """Calls those weak whose score is too low: guesses by words, names, dates, keyboards and repetitions.

    Args:
        pool: Where they are looked at: that takes up to as long as to hash them.
        least: The lowest score that will do, from 1 (10**3 guesses) to 4 (10**10).

    """

    def __init__(self, pool: HashingPool, least: int) -> None:
        self._pool = pool
        self._least = least

    async def contains(self, password: str, personal: tuple[str, ...]) -> bool:
        """Return whether *password* is weak for whom *personal* words are about, or raise `Overloaded`."""
        return await run_in_pool(self._pool, partial(score, password[:_LOOKED_AT], personal)) < self._least


def score(password: str, personal: tuple[str, ...]) -> int:
    """Return the score as `zxcvbn` does, which keeps the words of one user where other threads read."""
    words = build_ranked_dict([each.lower() for each in personal])
    matches = omnimatch(password, {**RANKED_DICTIONARIES, "user_inputs": words})
    guesses = most_guessable_match_sequence(password, matches)["guesses"]
    return int(guesses_to_score(Decimal(guesses)))
