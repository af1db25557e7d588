from uuid import uuid4

import pytest

from service.app.auth.actors import Actor, Anonymous, MissingToken, TokenExpired, TrustedService
from service.app.auth.permissions import (
    PERMISSIONS,
    Action,
    NotAllowed,
    Relation,
    RoleNotAllowed,
    allows,
    relation,
    require,
)
from service.domain.profiles import Role
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
    Action.CHANGE_STANDING: "...x.",
    Action.DELETE_PROFILE: ".x.xx",
    Action.CREATE_POST: ".x.x.",
    Action.SEE_POST: "xxxxx",
    Action.CHANGE_POST: ".x.x.",
    Action.DELETE_POST: ".x.x.",
    Action.LIST_PROFILES: "...xx",
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
        require(action, ACTORS[who], OWNER)


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
        require(Action.SEE_PROFILE, Anonymous(why=TokenExpired()), OWNER)


def test_a_refusal_may_be_named() -> None:
    with pytest.raises(RoleNotAllowed):
        require(Action.GIVE_ROLE, ACTORS[Relation.SELF], OWNER, refusal=RoleNotAllowed)
