"""Puts the use cases together: which class stands for which port."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandListener
from redis.asyncio import Redis

from service.app.application import Application, Ports
from service.app.auth.budgets import DAY, MINUTE, Budget, Budgets
from service.app.auth.passwords import PasswordHasher, Passwords
from service.app.auth.session_guard import SessionGuard
from service.app.auth.sessions import SessionStatusCache
from service.app.auth.throttle import AttemptCounters, KeyedLock, Throttle
from service.app.auth.unlock_account import UnlockAccountHandler
from service.app.clock import Clock
from service.app.commands.cascade_profile_status import CascadeProfileStatusHandler
from service.app.commands.create_profile import CreateProfileHandler
from service.app.commands.erase_expired import EraseExpiredHandler, Guard
from service.app.commands.erase_post import ErasePostHandler
from service.app.commands.erase_profile import EraseProfileHandler
from service.app.commands.import_profiles import HashKinds, ImportProfilesHandler
from service.app.commands.promote_to_admin import PromoteToAdminHandler
from service.app.commands.restore_post import RestorePostHandler
from service.app.commands.restore_profile import RestoreProfileHandler
from service.app.queries.export_profile import ExportProfileHandler
from service.app.queries.export_profiles import ExportProfilesHandler
from service.app.queries.find_profile import FindProfileHandler
from service.domain.profile import ProfileRepository, Role
from service.infrastructure.clock import SystemClock
from service.infrastructure.memory.attempts import MemoryAttempts
from service.infrastructure.memory.session_status_cache import NullSessionCache
from service.infrastructure.mongo.indexes import ensure_indexes
from service.infrastructure.mongo.outbox import Notify, notify_nobody
from service.infrastructure.mongo.posts import MongoPosts
from service.infrastructure.mongo.profiles import MongoProfiles
from service.infrastructure.mongo.sessions import MongoSessions
from service.infrastructure.redis.attempts import RedisAttempts
from service.infrastructure.redis.client import open_redis
from service.infrastructure.redis.session_status_cache import RedisSessionStatusCache
from service.infrastructure.security.breached_passwords import BreachedPasswordFile
from service.infrastructure.security.caching_password_hasher import CachingPasswordHasher
from service.infrastructure.security.common_passwords import CommonPasswordList
from service.infrastructure.security.cursors import SealedCursors
from service.infrastructure.security.device_tokens import MacDeviceTokens
from service.infrastructure.security.hash_schemes import (
    MOST_KINDS,
    Argon2id,
    Bcrypt,
    kind_of,
    scheme_of,
)
from service.infrastructure.security.keyring import Keyring
from service.infrastructure.security.one_time_tokens import MacOneTimeTokens
from service.infrastructure.security.passwords import PooledPasswordHasher
from service.infrastructure.security.refresh_tokens import MacRefreshTokens
from service.infrastructure.security.root_key import Purpose
from service.infrastructure.security.root_keyring import RootKeyring
from service.infrastructure.security.secret_box import SealedSecrets
from service.infrastructure.security.tokens import JwtAccessTokens
from service.infrastructure.security.weak_passwords import ZxcvbnPasswords
from service.pkg.database import close_mongo, default_database, open_mongo
from service.pkg.hashing_pool import HashingPool
from service.settings import Settings

_SECOND_FACTOR_FOR: Final = {
    "optional": frozenset[Role](),
    "administrators": frozenset({Role.ADMIN}),
    "everybody": frozenset(Role),
}


@dataclass(frozen=True, slots=True)
class Resources:
    """What has to be closed at the end: databases and threads."""

    mongo: AsyncMongoClient[dict[str, Any]]
    redis: Redis | None
    hashing: HashingPool

    @classmethod
    def opened(cls, settings: Settings, listeners: Sequence[CommandListener] = ()) -> Self:
        """Return the stores that *settings* name; they connect when they are first used.

        *listeners* are told of what MongoDB is asked.
        """
        return cls(
            open_mongo(settings.mongo_url, settings.mongo_driver, listeners),
            None if settings.redis_url.startswith("memory:") else open_redis(settings.redis_url),
            HashingPool(settings.threads_for_hashing, settings.hashing_queue_size),
        )

    async def __aenter__(self) -> Self:
        """Make and verify the indexes."""
        try:
            await ensure_indexes(default_database(self.mongo))
        except BaseException:  # a cancellation, too, must leave no client open
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close them."""
        await self.close()

    async def close(self) -> None:
        """Close them."""
        self.hashing.close()
        if self.redis:
            await self.redis.aclose()
        await close_mongo(self.mongo)


def wire(
    settings: Settings,
    resources: Resources,
    *,
    keyring: Keyring,
    root_keyring: RootKeyring,
    notify: Notify,
    clock: Clock,
) -> Application:
    """Return every use case, on the classes that stand for its ports."""
    profiles, passwords = profiles_and_passwords(settings, resources, notify)
    database = default_database(resources.mongo)
    sessions = MongoSessions(database, notify)
    lifetime = timedelta(seconds=settings.access_token_seconds)
    device_keys = partial(root_keyring.derived, Purpose.DEVICE_TOKENS)
    return Application(
        Ports(
            profiles=profiles,
            posts=MongoPosts(database, notify),
            sessions=sessions,
            session_cache=_session_cache(resources, lifetime),
            session_guard=SessionGuard(profiles, sessions, clock),
            passwords=passwords,
            access_tokens=JwtAccessTokens(
                keyring, clock, settings.token_issuer, settings.token_audience, lifetime
            ),
            refresh_tokens=MacRefreshTokens(root_keyring),
            device_tokens=MacDeviceTokens(device_keys, clock, timedelta(days=settings.device_token_days)),
            one_time_tokens=MacOneTimeTokens(partial(root_keyring.derived, Purpose.ONE_TIME_TOKENS), clock),
            secret_box=SealedSecrets(partial(root_keyring.derived, Purpose.TOTP_SECRETS)),
            cursors=SealedCursors(partial(root_keyring.derived, Purpose.CURSORS)),
            clock=clock,
            max_sessions=settings.max_sessions,
            login_needs_verified_email=settings.login_needs_verified_email,
            logout_needs_password=settings.logout_needs_password,
            totp_issuer=settings.totp_issuer,
            second_factor_for=_SECOND_FACTOR_FOR[settings.second_factor],
        )
    )


class AdminUseCases:
    """What operators do, and the worker by itself.

    Args:
        settings: Of the service.
        resources: Where everything is.
        notify: Is told of events that are to be published.
        each: Guards each thing that is erased in its time from the others.

    """

    def __init__(
        self,
        settings: Settings,
        resources: Resources,
        notify: Notify = notify_nobody,
        each: Guard = nullcontext,
    ) -> None:
        database, clock = default_database(resources.mongo), SystemClock()
        profiles, posts = MongoProfiles(database, notify), MongoPosts(database, notify)
        sessions = MongoSessions(database, notify)
        guard = SessionGuard(profiles, sessions, clock)
        session_cache = _session_cache(resources, timedelta(seconds=settings.access_token_seconds))
        retention = timedelta(days=settings.retention_days)
        self._create_profile = partial(_create_profile, settings, resources, guard)
        self.promote_to_admin = PromoteToAdminHandler(profiles, clock)
        self.find_profile = FindProfileHandler(profiles)
        self.unlock_account = UnlockAccountHandler(profiles, _attempts(resources), guard)
        self.restore_profile = RestoreProfileHandler(profiles, guard, clock)
        self.erase_profile = EraseProfileHandler(profiles, sessions, session_cache, guard, clock)
        self.export_profile = ExportProfileHandler(profiles, sessions, posts)
        self.import_profiles = ImportProfilesHandler(profiles, _hash_kinds(settings), clock)
        self.export_profiles = ExportProfilesHandler(profiles)
        self.cascade_profile_status = CascadeProfileStatusHandler(profiles, posts, clock)
        self.restore_post = RestorePostHandler(profiles, posts, clock)
        self.erase_post = ErasePostHandler(posts, clock)
        self.erase_expired = EraseExpiredHandler(self.erase_profile, self.erase_post, clock, retention, each)

    @cached_property
    def create_profile(self) -> CreateProfileHandler:
        """Makes profiles. It comes with lists of bad passwords, which the others don't need."""
        return self._create_profile()


def _create_profile(
    settings: Settings, resources: Resources, session_guard: SessionGuard
) -> CreateProfileHandler:
    profiles, passwords = profiles_and_passwords(settings, resources)
    return CreateProfileHandler(profiles, passwords, session_guard, SystemClock())


def profiles_and_passwords(
    settings: Settings, resources: Resources, notify: Notify = notify_nobody
) -> tuple[ProfileRepository, Passwords]:
    """Return where profiles live, and everything about their passwords."""
    profiles = MongoProfiles(default_database(resources.mongo), notify)
    throttle = Throttle(_attempts(resources), KeyedLock(), _budgets(settings))
    path = settings.breached_passwords
    breached = BreachedPasswordFile(Path(path)) if path else None
    least = settings.password_min_score
    weak = ZxcvbnPasswords(resources.hashing, least) if least else None
    hasher = _hasher(settings, resources)
    words = settings.password_context_words
    return profiles, Passwords(hasher, CommonPasswordList(), throttle, profiles, breached, weak, words)


def _hasher(settings: Settings, resources: Resources) -> PasswordHasher:
    hasher = PooledPasswordHasher(resources.hashing, _scheme(settings))
    remembered = timedelta(seconds=settings.verified_password_seconds)
    return CachingPasswordHasher(hasher, remembered) if remembered else hasher


def _scheme(settings: Settings) -> Bcrypt | Argon2id:
    if settings.password_scheme == "bcrypt":  # noqa: S105 - a name
        return Bcrypt(settings.bcrypt_cost)
    return Argon2id(settings.argon2_memory_kib, settings.argon2_iterations, settings.argon2_parallelism)


def _hash_kinds(settings: Settings) -> HashKinds:
    def kind(hashed: str) -> str | None:
        scheme = scheme_of(hashed)
        return kind_of(scheme) if scheme else None

    return HashKinds(kind, MOST_KINDS, {kind_of(_scheme(settings))})


def _session_cache(resources: Resources, lifetime: timedelta) -> SessionStatusCache:
    return RedisSessionStatusCache(resources.redis, lifetime) if resources.redis else NullSessionCache()


def _budgets(settings: Settings) -> Budgets:
    return Budgets(
        Budget(settings.guesses_account_burst, DAY / settings.guesses_account_per_day),
        Budget(settings.guesses_known_burst, DAY / settings.guesses_known_per_day),
        Budget(settings.guesses_network_burst, MINUTE / settings.guesses_network_per_minute),
        Budget(settings.guesses_service_burst, MINUTE / settings.guesses_service_per_minute),
    )


def _attempts(resources: Resources) -> AttemptCounters:
    counters = MemoryAttempts()
    return RedisAttempts(resources.redis, counters) if resources.redis else counters
