"""The environment as one frozen value. `.env.example` lists the same variables; a test holds it to that."""

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from profile_contracts.operations import OPERATIONS
from service.pkg.broker_urls import broker_urls
from service.pkg.secret_files import SUFFIX
from service.pkg.url_passwords import ENCODED, require_encoded

# In the current folder.
ENV_FILE: Final = ".env"

Guesses = Annotated[int, Field(ge=1, le=60_000)]
Prefetch = Annotated[int, Field(ge=1, le=65_535)]


def require_address(value: str, *beginnings: str, host: bool = True) -> str:
    """Return *value*, if it is an address of one of these kinds.

    All else the drivers check, who know what has to be right.

    Raises:
        ValueError: It is none; the sentence shows nothing of it.

    """
    rest = next((value.removeprefix(each) for each in beginnings if value.startswith(each)), None)
    if rest is None or (host and (not rest or rest[0] in "/?#")):
        msg = f"it has to begin with {' or '.join(beginnings)}{', and name a host' * host}"
        raise ValueError(msg)
    if value.startswith("mongodb"):  # whose driver explains the rest
        require_encoded(value)
        return value
    for each in broker_urls(value) if value.startswith("amqp") else [value]:
        _check_host(each, required=host)
    return value


def _begins_with(*beginnings: str, host: bool = True) -> AfterValidator:
    """Let an address be one of these kinds, and stay the string that it is.

    pydantic's types of URL know no `mongodb+srv` and no Unix sockets, and give back another URL than they
    were given.
    """
    return AfterValidator(lambda value: require_address(value, *beginnings, host=host))


def _check_host(url: str, *, required: bool) -> None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it is only there to be looked at
    except ValueError:  # whose text may hold a part of the password
        msg = f"its port is no port; {ENCODED}"
        raise ValueError(msg) from None
    if required and not parts.hostname:
        raise ValueError("it names no host")


class Settings(BaseSettings):
    """How this worker is set up. Each field is an environment variable of that name, in capitals."""

    model_config = SettingsConfigDict(
        frozen=True, env_file=ENV_FILE, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True
    )

    rabbitmq_url: Annotated[
        str,
        _begins_with("amqp://", "amqps://"),
        Field(
            repr=False,
            description="Broker, user and virtual host; of a cluster, all nodes: `amqp://user:pw@a,b:5673/vhost`.",
        ),
    ]
    rabbitmq_management_url: Annotated[
        str,
        AfterValidator(lambda value: value and require_address(value, "http://", "https://")),
        Field(
            repr=False,
            description="Management API, as who may make policies: missing ones are made at start.",
        ),
    ] = ""
    mongo_url: Annotated[
        str,
        _begins_with("mongodb://", "mongodb+srv://"),
        Field(repr=False, description="A replica set, and the database in the path."),
    ]
    mongo_driver: Annotated[
        Literal["pymongo", "motor"], Field(description="`motor` needs the extra of that name.")
    ] = "pymongo"

    redis_url: Annotated[
        str,
        _begins_with("redis://", "rediss://", "unix://", "memory://", host=False),
        Field(
            repr=False,
            description="Cache of sessions and counter of wrong passwords; `memory://` for one worker alone.",
        ),
    ] = "memory://"

    signing_keys_dir: Annotated[
        Path, Field(description="Folder of the keys for access tokens; `profilectl keys new` makes one.")
    ] = Path("keys")
    token_issuer: Annotated[str, Field(min_length=1, description="`iss` of access tokens.")] = (
        "profile-service"  # noqa: S105 - a name
    )
    token_audience: Annotated[str, Field(min_length=1, description="`aud` of access tokens.")] = "gateways"  # noqa: S105 - a name
    totp_issuer: Annotated[str, Field(min_length=1, description="What apps that show codes call it.")] = (
        "profile-service"
    )
    second_factor: Annotated[
        Literal["optional", "administrators", "everybody"],
        Field(description="Who needs a second factor: `administrators`, `everybody`, nobody (`optional`)."),
    ] = "optional"
    # At most as long as a session that is not refreshed.
    access_token_seconds: Annotated[
        int, Field(gt=0, le=2_592_000, description="How long an access token lives; 30 days at most.")
    ] = 600
    password_scheme: Annotated[
        Literal["bcrypt", "argon2id"],
        Field(description="By what new passwords are hashed: `argon2id`, or `bcrypt`, which reads 72 bytes."),
    ] = "bcrypt"  # noqa: S105 - a name
    # OWASP Password Storage Cheat Sheet: at least 10. At 15 a login takes two seconds of a core.
    bcrypt_cost: Annotated[int, Field(ge=10, le=15, description="Base-2 logarithm of bcrypt's rounds.")] = 12
    # The same sheet: 19 MiB, two iterations, one lane. What is in the database may cost 256 MiB at most.
    argon2_memory_kib: Annotated[
        int, Field(ge=7_168, le=131_072, description="KiB of memory that a hash of argon2id takes.")
    ] = 19_456
    argon2_iterations: Annotated[
        int, Field(ge=1, le=8, description="How often argon2id goes through its memory.")
    ] = 2
    argon2_parallelism: Annotated[
        int, Field(ge=1, le=16, description="Lanes of argon2id; one thread goes through all of them.")
    ] = 1
    hashing_threads: Annotated[
        int, Field(ge=0, le=1024, description="Threads that hash passwords; 0 takes one for each core.")
    ] = 0

    hashing_queue_size: Annotated[
        int,
        Field(ge=0, le=65_535, description="Passwords that may wait for a thread; one more is `overloaded`."),
    ] = 64

    verified_password_seconds: Annotated[
        int,
        Field(ge=0, le=300, description="How long a right password is remembered in memory; 0 is never."),
    ] = 0

    breached_passwords: Annotated[
        str, Field(description="File of SHA-1 digests, sorted, as Have I Been Pwned publishes it.")
    ] = ""

    password_min_score: Annotated[
        int, Field(ge=0, le=4, description="Lowest score of zxcvbn that a new password may have; 0 is any.")
    ] = 0

    password_context_words: Annotated[
        # Shorter ones are in passwords by chance.
        tuple[Annotated[str, Field(min_length=3, max_length=100)], ...],
        Field(description="JSON: words of the organisation that no new password is made from."),
    ] = ()

    device_token_days: Annotated[
        int, Field(ge=1, le=3650, description="How long a device is known after a login from it.")
    ] = 180
    guesses_account_burst: Annotated[
        Guesses, Field(description="Wrong passwords for an account by strangers, at once.")
    ] = 10
    guesses_account_per_day: Annotated[
        Guesses, Field(description="Wrong passwords for an account by strangers, and so many more in a day.")
    ] = 96
    guesses_known_burst: Annotated[
        Guesses, Field(description="Wrong passwords from a known device or in a session, at once.")
    ] = 10
    guesses_known_per_day: Annotated[
        Guesses, Field(description="Wrong passwords from a known device or in a session, and more in a day.")
    ] = 288
    guesses_network_burst: Annotated[
        Guesses,
        Field(description="Wrong passwords from a network at once; then strangers get one each."),
    ] = 100
    guesses_network_per_minute: Annotated[
        Guesses, Field(description="Wrong passwords from a network, and so many more in a minute.")
    ] = 10
    guesses_service_burst: Annotated[
        Guesses,
        Field(description="Wrong passwords through a service at once; then strangers get one each."),
    ] = 2000
    guesses_service_per_minute: Annotated[
        Guesses, Field(description="Wrong passwords through a service, and so many more in a minute.")
    ] = 1200

    login_needs_verified_email: Annotated[
        bool, Field(description="Whether nobody is logged in whose e-mail address is not verified.")
    ] = False
    logout_needs_password: Annotated[
        bool, Field(description="Whether users show their password to end other sessions than this one.")
    ] = False
    trusted_services: Annotated[
        dict[str, frozenset[str]],
        Field(
            description="JSON: by broker user, what it may call on its own account; its `x-client-ip` counts."
        ),
    ] = {}
    reply_to_prefixes: Annotated[
        # None of them empty: every queue begins with that.
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(description="JSON: how named reply queues begin that callers may use."),
    ] = ()

    max_sessions: Annotated[
        int,
        Field(ge=1, le=1000, description="Sessions that a user may have at once; one more ends the oldest."),
    ] = 100
    retention_days: Annotated[
        int,
        Field(
            ge=0,
            le=3650,
            description="How long what is deleted can be restored; then it is erased.",
        ),
    ] = 30

    broker_sets_timestamp: Annotated[
        bool,
        Field(description="Whether RabbitMQ writes `timestamp_in_ms` over what a sender wrote there."),
    ] = False
    declare_topology: Annotated[
        bool, Field(description="Make missing queues, exchanges and bindings, at start and later.")
    ] = True
    query_queue_type: Annotated[Literal["classic", "quorum"], Field(description="`quorum` for clusters.")] = (
        "classic"
    )
    event_history: Annotated[
        bool, Field(description="Keep what happens to profiles and posts, for consumers to come.")
    ] = False
    prefetch_commands: Annotated[Prefetch, Field(description="Unacknowledged commands, for each queue.")] = 16
    prefetch_queries: Annotated[Prefetch, Field(description="Unacknowledged queries, for each queue.")] = 64
    prefetch_logins: Annotated[
        Prefetch, Field(description="Unacknowledged logins; more than may wait for a thread.")
    ] = 128
    startup_seconds: Annotated[
        int, Field(ge=0, le=3600, description="How long to wait at start for servers that are not up yet.")
    ] = 60
    health_port: Annotated[
        int, Field(ge=0, le=65_535, description="Probes, `/metrics` and `/asyncapi` over HTTP; 0 is nowhere.")
    ] = 0
    health_host: Annotated[
        str,
        Field(
            min_length=1,
            description="Where: `localhost` is for this machine alone, `::` for all of IPv4 and IPv6.",
        ),
    ] = "localhost"
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(description="Lowest level that is logged.")
    ] = "INFO"

    @field_validator("trusted_services")
    @classmethod
    def _operations_exist(cls, value: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
        known = {operation.queue for operation in OPERATIONS}
        if unknown := sorted(frozenset().union(*value.values()) - known):
            msg = f"no such operation: {', '.join(unknown)}"
            raise ValueError(msg)
        return value

    @property
    def threads_for_hashing(self) -> int:
        """How many threads hash passwords: no more than there are cores (Keycloak's advice, too)."""
        return self.hashing_threads or len(os.sched_getaffinity(0))


# Names that are as alike as this are not alike by chance: one letter is missing, or two are swapped.
_ALIKE: Final = 0.85
# Where the servers of tests and demo are: `DEV_MONGO_URL` is not meant to be `MONGO_URL`.
_FOR_DEVELOPERS: Final = "DEV_"


def given_names() -> Iterable[str]:
    """Return the names of all variables that settings are read from."""
    return {*os.environ, *dotenv_values(ENV_FILE)}


def misspelt(given: Iterable[str]) -> Mapping[str, str]:
    """Return those of the *given* names that are no setting, with the one that each was meant to be."""
    names = {name.upper() for name in given}
    known = {name.upper() for name in Settings.model_fields}
    strange = {
        name
        for name in names - known
        if name.removesuffix(SUFFIX) not in known and not name.startswith(_FOR_DEVELOPERS)
    }
    near = {name: get_close_matches(name, known - names, n=1, cutoff=_ALIKE) for name in strange}
    return {name: found[0] for name, found in sorted(near.items()) if found}
