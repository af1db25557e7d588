"""Every use case, with fakes behind: what `service/bootstrap.py` does with databases."""

from datetime import datetime, timedelta
from uuid import UUID

from service.app.application import Application, Ports
from service.app.auth.actors import User
from service.app.auth.passwords import Passwords
from service.app.auth.sessions import LoggedIn
from service.app.auth.throttle import KeyedLock, Throttle
from service.app.auth.verify_token import VerifyToken
from service.app.request_context import RequestContext
from service.domain.profile import Profile
from service.infrastructure.memory.attempts import MemoryAttempts
from service.infrastructure.security.cursors import SealedCursors
from service.infrastructure.security.device_tokens import MacDeviceTokens
from service.infrastructure.security.one_time_tokens import MacOneTimeTokens
from service.infrastructure.security.refresh_tokens import MacRefreshTokens
from service.infrastructure.security.root_key import RootKey
from service.infrastructure.security.secret_box import SealedSecrets
from tests.builders import NOON
from tests.fakes.clock import FakeClock
from tests.fakes.keys import FakeRootKeyring, in_use
from tests.fakes.passwords import FakeCommonPasswords, FakePasswords
from tests.fakes.posts import FakePosts
from tests.fakes.profiles import FakeProfiles
from tests.fakes.session_guard import TrustingSessionGuard
from tests.fakes.sessions import FakeSessions, FakeSessionStatusCache
from tests.fakes.tokens import FakeTokens


class AppFixture:
    """The use cases, and what they stand on."""

    def __init__(self, *stored: Profile, time: datetime = NOON, profiles: FakeProfiles | None = None) -> None:
        self.clock = FakeClock(time)
        self.profiles = profiles or FakeProfiles(*stored)
        self.posts = FakePosts(profiles=self.profiles)
        self.hasher = FakePasswords()
        self.tokens, self.refresh_tokens = FakeTokens(), MacRefreshTokens(FakeRootKeyring(RootKey(b"k" * 32)))
        self.device_tokens = MacDeviceTokens(in_use(b"k" * 32), self.clock, timedelta(days=180))
        self.one_time_tokens = MacOneTimeTokens(in_use(b"k" * 32), self.clock)
        self.box = SealedSecrets(in_use(b"k" * 32))
        self.cursors = SealedCursors(in_use(b"k" * 32))
        self.repository, self.session_cache = FakeSessions(profiles=self.profiles), FakeSessionStatusCache()
        self.counters = MemoryAttempts(lambda: self.clock.now().timestamp())
        self.passwords = Passwords(
            self.hasher, FakeCommonPasswords(), Throttle(self.counters, KeyedLock()), self.profiles
        )
        self.app = Application(
            Ports(
                profiles=self.profiles,
                posts=self.posts,
                sessions=self.repository,
                session_cache=self.session_cache,
                session_guard=TrustingSessionGuard(self.profiles, self.repository, self.clock),
                passwords=self.passwords,
                access_tokens=self.tokens,
                refresh_tokens=self.refresh_tokens,
                device_tokens=self.device_tokens,
                one_time_tokens=self.one_time_tokens,
                secret_box=self.box,
                cursors=self.cursors,
                clock=self.clock,
                max_sessions=100,
                login_needs_verified_email=False,
                logout_needs_password=False,
                totp_issuer="Engines",
                second_factor_for=frozenset(),
            )
        )
        self.sessions = self.app.sessions

    async def logged_in(self, profile: Profile) -> tuple[User, LoggedIn]:
        """Return the user of *profile* with a new session, and what the user got."""
        done = await self.sessions.open(profile)
        return self.tokens.verify(done.access_token.text).user, done

    async def accepts(self, tokens: LoggedIn) -> bool:
        """Return whether the access token among *tokens* is good."""
        return await self.app.verify_token.handle(VerifyToken(tokens.access_token.text)) is not None

    @property
    def revoked(self) -> list[tuple[UUID, tuple[UUID, ...], str]]:
        """What others were told of sessions: whose, which, and why."""
        published = [
            event.data
            for event in (*self.profiles.published, *self.repository.published)
            if "reason" in event.data
        ]
        return [(each["user_id"], tuple(each["session_ids"]), each["reason"]) for each in published]

    def is_open(self, session_id: UUID) -> bool:
        """Return whether the session is stored."""
        return session_id in self.repository.stored


def caller(user: User) -> RequestContext:
    """Return *user* as one who asks."""
    return RequestContext(user)
