"""Read one profile."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.app.auth.actors import Actor
from service.app.auth.permissions import Action, allows, authorize
from service.domain.profile import Profile, ProfileRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class GetProfile:
    """Read one profile."""

    actor: Actor
    profile_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicView:
    """What everybody who is logged in may know of a user."""

    id: UUID
    first_name: str
    last_name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GetProfileHandler:
    """Answers `GetProfile`."""

    profiles: ProfileRepository

    async def handle(self, query: GetProfile) -> Profile | PublicView:
        """Return the profile, or the public view of it, whichever the actor may see."""
        authorize(Action.SEE_PUBLIC_PROFILE, query.actor, query.profile_id)
        profile = await self.profiles.get(query.profile_id)
        if allows(Action.SEE_PROFILE, query.actor, profile.id):
            return profile
        return PublicView(
            id=profile.id,
            first_name=profile.first_name,
            last_name=profile.last_name,
            created_at=profile.created_at,
        )
