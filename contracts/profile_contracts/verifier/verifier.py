"""Tells whether access tokens are good, mostly without a call."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Literal, Self

from jwt import PyJWK
from pydantic import SecretStr

from profile_contracts.auth import VerifyToken
from profile_contracts.errors import CallFailed
from profile_contracts.events import KEYS_ROTATED, SESSION_REVOKED, Event, KeysRotated, SessionRevoked
from profile_contracts.profile_api import ProfileApi
from profile_contracts.verifier.keys import CLOSE_SECONDS, Keys
from profile_contracts.verifier.revocations import Revocations, Session
from profile_contracts.verifier.tokens import (
    AccessClaims,
    CannotVerify,
    TokenRefused,
    claims_of,
    key_name,
)

# How long to wait for the feed at the start. Without it, tokens are verified as when it is down.
_START_SECONDS: Final = 5.0

_log = logging.getLogger("profile_contracts.verifier")


class TokenVerifier:
    """Verifies access tokens here, inside `async with TokenVerifier(client) as verifier`.

    It has the public keys, and a feed of sessions that end: `auth.session_revoked`. What neither tells, it
    asks the service by `auth.verify`, once for each session: about a token that is older than the feed's
    last gap, and about a session that was opened within half a minute after all others of its user ended.

    Args:
        client: Asks the service, and gives the feed.
        issuer, audience: What the service is set to say in `iss` and `aud`.
        without_feed: What to do while the feed is down. `refuse`: ask the service about every token, and
            raise `CannotVerify` if it doesn't answer. `accept`: take what is signed and not expired, and
            ask nobody; a session that has ended is taken until its token expires.
        ask_timeout: How long to wait for the service's word on a session, in seconds.
        now: The clock. Tests turn it together with that of `FakeProfileClient`.

    """

    def __init__(
        self,
        client: ProfileApi,
        *,
        issuer: str = "profile-service",
        audience: str = "gateways",
        without_feed: Literal["refuse", "accept"] = "refuse",
        ask_timeout: float = 2.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._issuer = issuer
        self._audience = audience
        self._accepts = without_feed == "accept"
        self._ask_timeout = ask_timeout
        self._keys = Keys(client.keys)
        self._now = now
        self._revocations = Revocations(now=lambda: now().timestamp())
        # All that comes is noted as often as it comes: a keyring that is what it once was has the same event.
        self._events = client.events(
            SESSION_REVOKED.name, KEYS_ROTATED.name, on_gap=self._note_gap, remember=0
        )
        self._feed: asyncio.Task[None] | None = None

    @property
    def feed_is_up(self) -> bool:
        """Whether the sessions that end are heard of. A line that has gone silent is noticed after 18 s."""
        return self._events.connected

    async def __aenter__(self) -> Self:
        """Begin to listen; wait for that for five seconds at most.

        Raises:
            QueueRefused: The broker user may not have a queue for the feed.

        """
        self._feed = asyncio.create_task(self._follow())
        connected = asyncio.create_task(self._events.wait_connected())
        try:
            await asyncio.wait(
                [self._feed, connected], timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        except asyncio.CancelledError:  # nobody will leave what was not entered
            await self._events.close()  # within a few seconds
            raise
        finally:
            connected.cancel()
        if self._feed.done():
            await self._feed
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Listen no more."""
        await self._events.close()
        await self._keys.close()
        if self._feed:
            self._feed.cancel()
            await asyncio.wait([self._feed], timeout=CLOSE_SECONDS)

    async def verify(self, token: str) -> AccessClaims:
        """Return what *token* says, if it is good.

        Raises:
            TokenRefused: It is not: answer 401.
            CannotVerify: Nobody can tell just now: answer 503.

        """
        key = await self._key(key_name(token))
        claims = claims_of(token, key, self._issuer, self._audience, self._now())
        known = self._revocations.state_of(claims)
        if known is Session.ENDED:
            raise TokenRefused("session_ended")
        if known is Session.UNCERTAIN or not self.feed_is_up:
            await self._make_sure(claims, token)
        return claims

    async def _key(self, name: str) -> PyJWK:
        try:
            key = await self._keys.find(name)
        except CannotVerify:
            key = self._keys.last_known(name) if self._accepts else None
            if key is None:
                raise
        if key is None:
            raise TokenRefused("token_invalid")
        return key

    async def _make_sure(self, claims: AccessClaims, token: str) -> None:
        """Return if the service says that the session is alive, or if that need not be known."""
        if self._accepts and not self.feed_is_up:
            return
        number = self._revocations.number()
        request = VerifyToken(token=SecretStr(token))
        try:
            found = await self._client.verify_token(request, timeout=self._ask_timeout)
        except CallFailed as failure:
            if self._accepts:
                return
            raise CannotVerify("Whether the session is alive is not known.") from failure
        if not found.active:
            self._revocations.refuse(claims)
            raise TokenRefused("session_ended")
        self._revocations.confirm(claims.sid, number)

    async def _follow(self) -> None:
        try:
            async for event in self._events:
                self._note(event)
        except Exception as failure:
            trace = None if isinstance(failure, CallFailed) else failure
            _log.error("The feed of sessions that end is down for good: %s", failure, exc_info=trace)
            raise

    def _note(self, event: Event[Any]) -> None:
        match event.data:
            case SessionRevoked():
                self._revocations.note(event)
            case KeysRotated(kids=kids):
                self._keys.retain(kids)

    async def _note_gap(self) -> None:
        self._revocations.note_gap()
        self._keys.suspect()
