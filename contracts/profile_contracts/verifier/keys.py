"""The public keys of the service, kept for ten minutes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Final

import jwt

from profile_contracts.auth import JsonWebKeySet
from profile_contracts.errors import CallFailed
from profile_contracts.verifier.tokens import CannotVerify

# As `JsonWebKeySet` asks for.
_KEPT_SECONDS: Final = 600.0
# Whoever makes up names of keys makes nobody ask more often.
_BETWEEN_SECONDS: Final = 1.0
# How long to wait for a task that was cancelled: aiormq may take that for nothing while a line breaks.
CLOSE_SECONDS: Final = 2.0

_log = logging.getLogger("profile_contracts.verifier")


class Keys:
    """Keeps the keys, and asks for them again: when they are old or may have changed, and for a new name.

    Args:
        ask: Asks the service.

    """

    def __init__(self, ask: Callable[[], Awaitable[JsonWebKeySet]]) -> None:
        self._ask = ask
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked_at = self._known_at = -_KEPT_SECONDS
        self._may_have_changed = True
        self._failure: BaseException | None = None
        self._asking: asyncio.Task[None] | None = None

    async def find(self, name: str) -> jwt.PyJWK | None:
        """Return the key of that name, if there is one; wait for the service only if it is new or old.

        Raises:
            CannotVerify: The service doesn't say.

        """
        if self._should_ask(name):
            self._asking = asyncio.create_task(self._ask_again())
            self._asking.add_done_callback(_log_bug)
        if self._asking and (name not in self._keys or self._are_old()):
            await asyncio.wait([self._asking])  # a call, with the client's own time limit
            if self._failure:
                raise CannotVerify("The keys are not known.") from self._failure
        return self._keys.get(name)

    def last_known(self, name: str) -> jwt.PyJWK | None:
        """Return the key of that name, however old it is."""
        return self._keys.get(name)

    def retain(self, names: Sequence[str]) -> None:
        """Forget all keys but those of these *names*: the service has no others."""
        self._keys = {name: key for name, key in self._keys.items() if name in names}
        self.suspect()

    def suspect(self) -> None:
        """Ask again soon: the keys may have changed."""
        self._may_have_changed = True

    async def close(self) -> None:
        """Ask no more."""
        if self._asking:
            self._asking.cancel()
            await asyncio.wait([self._asking], timeout=CLOSE_SECONDS)

    def _should_ask(self, name: str) -> bool:
        is_due = self._may_have_changed or name not in self._keys or self._are_old()
        is_asking = self._asking is not None and not self._asking.done()
        return is_due and not is_asking and monotonic() - self._asked_at >= _BETWEEN_SECONDS

    def _are_old(self) -> bool:
        return monotonic() - self._known_at >= _KEPT_SECONDS

    async def _ask_again(self) -> None:
        self._asked_at = monotonic()
        self._may_have_changed = False
        try:
            found = await self._ask()
            self._keys = {each.kid: jwt.PyJWK.from_dict(each.model_dump()) for each in found.keys}
        except BaseException as failure:  # after a cancellation, too, the keys are not known
            self._may_have_changed = True
            self._failure = failure
            raise
        self._failure = None
        self._known_at = self._asked_at


def _log_bug(asking: asyncio.Task[None]) -> None:
    """Say what went wrong, if that is no call that failed: whoever waits for keys learns of those."""
    failure = None if asking.cancelled() else asking.exception()
    if failure and not isinstance(failure, CallFailed):
        _log.error("The keys are not known.", exc_info=failure)
