from uuid import uuid4

import pytest

from service.app.auth.actors import Actor, Anonymous, MissingToken, TokenInvalid, TrustedService
from service.app.queries.get_profile import GetProfile, GetProfileHandler, PublicView
from service.domain.errors import ServiceError
from service.domain.profile import ProfileNotFound, Role, Status
from tests.builders import NOON, a_profile, a_user
from tests.fakes.profiles import FakeProfiles

ADA = a_profile()
DELETED = a_profile(status=Status.DELETED, deleted_at=NOON)
GET = GetProfileHandler(FakeProfiles(ADA, DELETED))


@pytest.mark.parametrize(
    "actor", [a_user(ADA.id, Role.USER), a_user(uuid4(), Role.ADMIN), TrustedService("billing")]
)
async def test_owner_admin_and_trusted_service_see_all_of_it(actor: Actor) -> None:
    assert await GET.handle(GetProfile(actor=actor, profile_id=ADA.id)) == ADA


async def test_another_user_sees_the_public_view() -> None:
    seen = await GET.handle(GetProfile(actor=a_user(uuid4(), Role.USER), profile_id=ADA.id))

    assert seen == PublicView(id=ADA.id, first_name="Ada", last_name="Lovelace", created_at=NOON)


@pytest.mark.parametrize(
    ("actor", "refusal"),
    [(Anonymous(), MissingToken), (Anonymous(auth_error=TokenInvalid()), TokenInvalid)],
)
@pytest.mark.parametrize("profile_id", [ADA.id, DELETED.id, uuid4()])
async def test_anonymous_does_not_hear_whether_it_is_there(
    actor: Actor, refusal: type[ServiceError], profile_id: object
) -> None:
    with pytest.raises(refusal):
        await GET.handle(GetProfile(actor=actor, profile_id=profile_id))  # type: ignore[arg-type]


@pytest.mark.parametrize("role", Role)
async def test_deleted_and_unknown_are_not_found_alike(role: Role) -> None:
    for profile_id in (DELETED.id, uuid4()):
        with pytest.raises(ProfileNotFound):
            await GET.handle(GetProfile(actor=a_user(DELETED.id, role), profile_id=profile_id))
