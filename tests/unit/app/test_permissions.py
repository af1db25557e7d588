from uuid import UUID, uuid4

import pytest

from service.app.auth.actors import Actor, Anonymous, MissingToken, TokenExpired, TrustedService, User
from service.app.auth.permissions import (
    PERMISSIONS,
    Action,
    NotAllowed,
    Relation,
    RoleNotAllowed,
    SecondFactorNeeded,
    allows,
    authorize,
    is_owner,
    relation,
    require_authenticated,
    require_user,
)
from service.domain.errors import ServiceError
from service.domain.profile import Role
from tests.builders import a_user

OWNER = uuid4()
ACTORS: dict[Relation, Actor] = {
    Relation.ANONYMOUS: Anonymous(),
    Relation.SELF: a_user(OWNER, Role.USER),
    Relation.OTHER: a_user(uuid4(), Role.USER),
    Relation.ADMIN: a_user(uuid4(), Role.ADMIN),
    Relation.TRUSTED: TrustedService("billing"),
}
# Written out by hand from the design, in the order of `Relation`; x may, . may not.
EXPECTED = {
    #                             anonymous, self, other, admin, trusted
    Action.CREATE_PROFILE: "xxxxx",
    Action.GIVE_ROLE: "...xx",
    Action.SEE_PROFILE: ".x.xx",
    Action.SEE_PUBLIC_PROFILE: ".xxxx",
    Action.CHANGE_PROFILE: ".x.xx",
    Action.CHANGE_ROLE_OR_STATUS: "...x.",
    Action.DELETE_PROFILE: ".x.xx",
    Action.CREATE_POST: ".x.x.",
    Action.SEE_POST: "xxxxx",
    Action.CHANGE_POST: ".x.x.",
    Action.DELETE_POST: ".x.x.",
    Action.LIST_PROFILES: "...xx",
    Action.FIND_PROFILE: "...xx",
    Action.EXPORT_PROFILE: ".x.xx",
    Action.RESTORE_PROFILE: "...xx",
    Action.ERASE_PROFILE: "...xx",
    Action.UNLOCK_ACCOUNT: "...xx",
    Action.SEE_SESSIONS: ".x.xx",
    Action.END_SESSIONS: ".x.x.",
    Action.START_RESET: "....x",
    Action.START_VERIFICATION: ".x.xx",
    Action.REMOVE_TOTP: ".x.x.",
}
CELLS = [
    pytest.param(action, who, cell == "x", id=f"{action.name}-{who.name}")
    for action, row in EXPECTED.items()
    for who, cell in zip(Relation, row, strict=True)
]


def test_every_action_is_expected_here_and_in_the_table() -> None:
    assert set(EXPECTED) == set(PERMISSIONS) == set(Action)


@pytest.mark.parametrize(("action", "who", "may"), CELLS)
def test_the_table_allows_what_the_design_says(action: Action, who: Relation, *, may: bool) -> None:
    assert allows(action, ACTORS[who], OWNER) is may


@pytest.mark.parametrize(
    ("action", "who"), [pytest.param(*cell.values[:2], id=cell.id) for cell in CELLS if not cell.values[2]]
)
def test_whoever_may_not_hears_why(action: Action, who: Relation) -> None:
    with pytest.raises(MissingToken if who is Relation.ANONYMOUS else NotAllowed):
        authorize(action, ACTORS[who], OWNER)


@pytest.mark.parametrize("who", Relation)
def test_an_actor_has_one_relation(who: Relation) -> None:
    assert relation(ACTORS[who], OWNER) is who


def test_an_admin_is_an_admin_to_the_own_profile_too() -> None:
    assert relation(a_user(OWNER, Role.ADMIN), OWNER) is Relation.ADMIN


def test_nobody_is_the_owner_of_what_has_none() -> None:
    assert relation(a_user(OWNER, Role.USER), None) is Relation.OTHER


def test_what_is_not_in_the_table_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(PERMISSIONS, Action.CREATE_PROFILE)

    assert not any(allows(Action.CREATE_PROFILE, actor, OWNER) for actor in ACTORS.values())


def test_anonymous_hears_what_was_wrong_with_the_token() -> None:
    with pytest.raises(TokenExpired):
        authorize(Action.SEE_PROFILE, Anonymous(auth_error=TokenExpired()), OWNER)


def test_a_refusal_may_be_named() -> None:
    with pytest.raises(RoleNotAllowed):
        authorize(Action.GIVE_ROLE, ACTORS[Relation.SELF], OWNER, refusal=RoleNotAllowed)


def test_an_equal_id_is_enough_to_be_the_owner() -> None:
    same = UUID(str(OWNER))

    assert relation(User(same, Role.USER, uuid4()), OWNER) is Relation.SELF
    assert is_owner(User(same, Role.ADMIN, uuid4()), OWNER)
    for other in (UUID(int=0), UUID(int=2**128 - 1)):
        assert not is_owner(User(other, Role.USER, uuid4()), OWNER)


@pytest.mark.parametrize("actor", [Anonymous(), TrustedService("billing")])
def test_only_a_human_owns(actor: Actor) -> None:
    assert not is_owner(actor, OWNER)


def hears(action: Action, actor: Actor, owner: UUID | None) -> str | None:
    """Return the name of what *actor* hears, or `None` if nothing stands in the way."""
    try:
        authorize(action, actor, owner)
    except ServiceError as error:
        return type(error).__name__
    return None


def test_who_may_is_let_through() -> None:
    assert hears(Action.CHANGE_PROFILE, ACTORS[Relation.SELF], OWNER) is None
    assert hears(Action.CREATE_PROFILE, ACTORS[Relation.ANONYMOUS], None) is None
    assert hears(Action.SEE_PROFILE, ACTORS[Relation.ANONYMOUS], OWNER) == "MissingToken"


def test_who_may_not_hears_why() -> None:
    with pytest.raises(NotAllowed):
        authorize(Action.CHANGE_PROFILE, ACTORS[Relation.OTHER], OWNER)
    with pytest.raises(RoleNotAllowed) as refused:
        authorize(Action.GIVE_ROLE, ACTORS[Relation.SELF], OWNER, RoleNotAllowed)
    assert refused.value.field == "role"
    with pytest.raises(TokenExpired):
        authorize(Action.SEE_PROFILE, Anonymous(auth_error=TokenExpired()), OWNER)


def test_a_user_is_required_where_a_session_is_needed() -> None:
    user = ACTORS[Relation.SELF]

    assert require_user(user) is user
    with pytest.raises(TokenExpired):
        require_user(Anonymous(auth_error=TokenExpired()))
    with pytest.raises(NotAllowed):
        require_user(TrustedService("billing"))


@pytest.mark.parametrize("who", [each for each in Relation if each is not Relation.ANONYMOUS])
def test_who_is_known_is_let_through(who: Relation) -> None:
    assert require_authenticated(ACTORS[who]) is ACTORS[who]


def test_who_is_not_known_hears_what_was_wrong_with_the_token() -> None:
    with pytest.raises(TokenExpired):
        require_authenticated(Anonymous(auth_error=TokenExpired()))


@pytest.mark.parametrize("action", Action)
def test_who_lacks_a_code_may_do_nothing_about_somebody_else(action: Action) -> None:
    for role in Role:
        limited = User(uuid4(), role, uuid4(), lacks_code=True)
        for owner in (OWNER, None):
            with pytest.raises(SecondFactorNeeded):
                authorize(action, limited, owner)


@pytest.mark.parametrize("action", [Action.SEE_SESSIONS, Action.END_SESSIONS])
def test_who_lacks_a_code_sees_and_ends_ones_own_sessions(action: Action) -> None:
    for role in Role:
        limited = User(OWNER, role, uuid4(), lacks_code=True)
        authorize(action, limited, OWNER)

        assert allows(action, limited, OWNER)
