"""A worker that certain requests kill, as a fault in a library of C would.

`python -m tests.faults.worker_segfault worker`, in place of `python -m service.cli worker`.
"""

import os
import signal
from unittest.mock import patch
from uuid import UUID

from service.app.commands.update_profile import UpdateProfile, UpdateProfileHandler
from service.app.queries.get_profile import GetProfile, GetProfileHandler, PublicView
from service.cli import app
from service.domain.profile import Profile
from service.infrastructure.inputports.amqp.stages import reject_poison

POISON = "Poison"
POISONED = UUID(int=0)
# So many are enough here.
DEATHS = 4

_handle = UpdateProfileHandler.handle
_look = GetProfileHandler.handle


async def handle(self: UpdateProfileHandler, command: UpdateProfile) -> Profile:
    """Change a profile, or end this process at once."""
    if command.patch.last_name == POISON:
        os.kill(os.getpid(), signal.SIGSEGV)
    return await _handle(self, command)


async def look(self: GetProfileHandler, query: GetProfile) -> Profile | PublicView:
    """Return a profile, or end this process at once."""
    if query.profile_id == POISONED:
        os.kill(os.getpid(), signal.SIGSEGV)
    return await _look(self, query)


if __name__ == "__main__":
    with (
        patch.object(UpdateProfileHandler, "handle", handle),
        patch.object(GetProfileHandler, "handle", look),
        patch.object(reject_poison, "MAX_DELIVERIES", DEATHS),
    ):
        app()
