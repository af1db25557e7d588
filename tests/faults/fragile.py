"""A worker that a certain request kills, as a fault in a library of C would.

`python -m tests.faults.fragile worker`, in place of `python -m service.cli worker`.
"""

import os
import signal
from unittest.mock import patch

from service.app.commands.update_profile import UpdateProfile, UpdateProfileHandler
from service.cli import app
from service.domain.profiles import Profile
from service.infrastructure.inputports import suspects

POISON = "Poison"
# So many are enough here.
DEATHS = 4

_handle = UpdateProfileHandler.handle


async def handle(self: UpdateProfileHandler, command: UpdateProfile) -> Profile:
    """Change a profile, or end this process at once."""
    if command.changes.last_name == POISON:
        os.kill(os.getpid(), signal.SIGSEGV)
    return await _handle(self, command)


if __name__ == "__main__":
    with (
        patch.object(UpdateProfileHandler, "handle", handle),
        patch.object(suspects, "MAX_DELIVERIES", DEATHS),
    ):
        app()
