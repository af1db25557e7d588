"""Who may do what, as one table. What is not in it is denied."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final
from uuid import UUID

from service.app.auth.actors import Actor, Anonymous, TrustedService, User
from service.domain.errors import Forbidden
from service.domain.profile import Role


class NotAllowed(Forbidden):
    """The table of permissions does not allow it."""

    reason = "not_allowed"
    message = "You may not do this."


class RoleNotAllowed(Forbidden):
    """A sign-up asks for more than the role of a user."""

    reason = "role_not_allowed"
    message = "Only an administrator or a trusted service may give this role."
    field = "role"


class SecondFactorNeeded(Forbidden):
    """Whoever asks needs a second factor, and logged in without one."""

    reason = "second_factor_needed"
    message = "This needs a second factor: enroll one, or log in with a code."


class Relation(Enum):
    """How the one who asks is related to the thing."""

    ANONYMOUS = auto()
    SELF = auto()
    OTHER = auto()
    ADMIN = auto()
    TRUSTED = auto()


class Action(Enum):
    """What somebody may want to do."""

    CREATE_PROFILE = auto()
    GIVE_ROLE = auto()
    SEE_PROFILE = auto()
    SEE_PUBLIC_PROFILE = auto()
    CHANGE_PROFILE = auto()
    CHANGE_ROLE_OR_STATUS = auto()
    DELETE_PROFILE = auto()
    CREATE_POST = auto()
    SEE_POST = auto()
    CHANGE_POST = auto()
    DELETE_POST = auto()
    LIST_PROFILES = auto()
    FIND_PROFILE = auto()
    EXPORT_PROFILE = auto()
    RESTORE_PROFILE = auto()
    ERASE_PROFILE = auto()
    UNLOCK_ACCOUNT = auto()
    SEE_SESSIONS = auto()
    END_SESSIONS = auto()
    START_RESET = auto()
    START_VERIFICATION = auto()
    REMOVE_TOTP = auto()


_ANYBODY: Final = frozenset(Relation)
_KNOWN: Final = _ANYBODY - {Relation.ANONYMOUS}
_OWNER_ADMIN_SERVICE: Final = frozenset({Relation.SELF, Relation.ADMIN, Relation.TRUSTED})
# Posts are the words of humans: no service writes on its own account.
_AUTHORS: Final = frozenset({Relation.SELF, Relation.ADMIN})
_OPERATORS: Final = frozenset({Relation.ADMIN, Relation.TRUSTED})

PERMISSIONS: Final[Mapping[Action, frozenset[Relation]]] = {
    Action.CREATE_PROFILE: _ANYBODY,
    Action.GIVE_ROLE: _OPERATORS,
    Action.SEE_PROFILE: _OWNER_ADMIN_SERVICE,
    Action.SEE_PUBLIC_PROFILE: _KNOWN,
    Action.CHANGE_PROFILE: _OWNER_ADMIN_SERVICE,
    Action.CHANGE_ROLE_OR_STATUS: frozenset({Relation.ADMIN}),
    Action.DELETE_PROFILE: _OWNER_ADMIN_SERVICE,
    Action.CREATE_POST: _AUTHORS,
    Action.SEE_POST: _ANYBODY,
    Action.CHANGE_POST: _AUTHORS,
    Action.DELETE_POST: _AUTHORS,
    Action.LIST_PROFILES: _OPERATORS,
    Action.FIND_PROFILE: _OPERATORS,
    Action.EXPORT_PROFILE: _OWNER_ADMIN_SERVICE,
    Action.RESTORE_PROFILE: _OPERATORS,
    Action.ERASE_PROFILE: _OPERATORS,
    Action.UNLOCK_ACCOUNT: _OPERATORS,
    Action.SEE_SESSIONS: _OWNER_ADMIN_SERVICE,
    Action.END_SESSIONS: frozenset({Relation.SELF, Relation.ADMIN}),
    Action.START_RESET: frozenset({Relation.TRUSTED}),
    Action.START_VERIFICATION: _OWNER_ADMIN_SERVICE,
    Action.REMOVE_TOTP: frozenset({Relation.SELF, Relation.ADMIN}),
}


def relation(actor: Actor, owner: UUID | None) -> Relation:
    """Return how *actor* is related to a thing that belongs to *owner*."""
    if isinstance(actor, Anonymous):
        return Relation.ANONYMOUS
    if isinstance(actor, TrustedService):
        return Relation.TRUSTED
    if actor.role is Role.ADMIN:
        return Relation.ADMIN
    return Relation.SELF if actor.id == owner else Relation.OTHER


def allows(action: Action, actor: Actor, owner: UUID | None = None) -> bool:
    """Return whether *actor* may do *action* to a thing of *owner*."""
    return relation(actor, owner) in PERMISSIONS.get(action, frozenset())


def authorize(
    action: Action,
    actor: Actor,
    owner: UUID | None = None,
    refusal: type[Forbidden] = NotAllowed,
) -> None:
    """Return if *actor* may do *action* to a thing of *owner*.

    Raises:
        Unauthenticated: Nobody in particular may not, and it is not known who asks.
        Forbidden: Who asks is known, and may not. *refusal* is the one to raise.
        SecondFactorNeeded: Without a code, nobody may do anything about somebody else.

    """
    if isinstance(actor, User) and actor.lacks_code and actor.id != owner:
        raise SecondFactorNeeded
    if allows(action, actor, owner):
        return
    if isinstance(actor, Anonymous):
        raise actor.auth_error
    raise refusal


def require_authenticated(actor: Actor) -> User | TrustedService:
    """Return *actor* if it is known who asks; nobody else learns anything about what there is.

    Raises:
        Unauthenticated

    """
    if isinstance(actor, Anonymous):
        raise actor.auth_error
    return actor


def require_user(actor: Actor) -> User:
    """Return *actor* if it is a human who is logged in.

    Raises:
        Unauthenticated: It is not known who asks.
        NotAllowed: A service asks on its own account.

    """
    known = require_authenticated(actor)
    if isinstance(known, TrustedService):
        raise NotAllowed
    return known


def is_owner(actor: Actor, profile_id: UUID) -> bool:
    """Return whether *actor* is the user of this profile, administrator or not."""
    return isinstance(actor, User) and actor.id == profile_id
