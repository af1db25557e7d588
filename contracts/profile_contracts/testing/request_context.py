"""Who asks the fake, and what they may do."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from uuid import UUID

from profile_contracts.call_options import CallOptions
from profile_contracts.errors import ErrorReply
from profile_contracts.profiles import Role
from profile_contracts.testing.refusals import refused


@dataclass(frozen=True, slots=True)
class User:
    """A human who has logged in.

    Attributes:
        with_code: Whether the token says that a code of a second factor was shown.

    """

    id: UUID
    role: Role
    session_id: UUID
    with_code: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the human is, as a trusted service says.

    Attributes:
        client_ip: An IPv4 address, or the first 64 bits of one of IPv6.
        user_agent: What the program calls itself that the human has there.

    """

    client_ip: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """All that is known of a request beside its body.

    Attributes:
        user: Who asks, if that is known.
        auth_error: What to answer where it has to be known.
        former_user: Whose token came, if it is good and only its session has ended.
        lacks_code: Whether the user needs a second factor, and has shown no code in this session.
        is_trusted: Whether nobody's token came, and the gateway may ask for this on its own account.
        origin: Where the human is.
        key: The idempotency key.
        digest: What stands for the whole command.

    """

    user: User | None = None
    auth_error: ErrorReply
    former_user: User | None = None
    lacks_code: bool = False
    is_trusted: bool = False
    origin: Origin = Origin()
    key: str = ""
    digest: str = ""

    @property
    def is_operator(self) -> bool:
        """Whether an administrator or a trusted service asks."""
        return self.is_trusted or (self.user is not None and self.user.role is Role.ADMIN)

    def is_for(self, owner_id: UUID) -> bool:
        """Return whether the owner of a thing asks, or an operator."""
        return self.is_operator or (self.user is not None and self.user.id == owner_id)

    def require_authenticated(self) -> None:
        """Raise `Unauthenticated` unless it is known who asks."""
        if self.user is None and not self.is_trusted:
            raise self.auth_error

    def require_user(self) -> User:
        """Return the human who asks, or raise `Unauthenticated`, or `Forbidden` for a trusted service."""
        self.require_authenticated()
        if self.user is None:
            raise refused("not_allowed")
        return self.user

    def require_operator(self) -> None:
        """Raise `Unauthenticated` or `Forbidden` unless an operator asks."""
        self.require_authenticated()
        if not self.is_operator:
            raise refused("not_allowed")

    def require_owner(self, owner_id: UUID) -> None:
        """Raise `Unauthenticated` or `Forbidden` unless the owner of a thing asks, or an operator."""
        self.require_authenticated()
        if not self.is_for(owner_id):
            raise refused("not_allowed")


def origin_of(options: CallOptions) -> Origin:
    """Return where the human is. Of IPv6 the service keeps the first 64 bits, which one host may use up."""
    client_ip, user_agent = options.get("client_ip"), options.get("user_agent")
    return Origin(_network(ip_address(client_ip)) if client_ip else None, user_agent)


def _network(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ip_network((int(address), 64), strict=False))
    return str(address)
