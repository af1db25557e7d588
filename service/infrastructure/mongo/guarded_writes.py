"""What a write needs of profiles other than its own, in the same transaction.

Each writes to the other profile: a transaction only meets another one in what both of them write.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import ExecutionTimeout

from service.domain.errors import AuthorizationChanged
from service.domain.profile import LastAdmin, Profile, Role, Status
from service.infrastructure.mongo.errors import AnyStore, DatabaseUnavailable, database_call
from service.infrastructure.mongo.profile_documents import as_authorized
from service.pkg.database import Documents, in_transaction, seconds_left

Profiles = AsyncCollection[Documents]
Given = ParamSpec("Given")
Value = TypeVar("Value")
# Of whoever has no deadline. No request has so much time.
_LONGEST_SECONDS: Final = 60.0

# Of transactions that write to one profile at once MongoDB stores one, and the others begin again: the more
# there are, the fewer succeed. So those of one user are serialised in this process.
_turns: Final = WeakValueDictionary[UUID, asyncio.Lock]()


def guarded_call(
    method: Callable[Concatenate[AnyStore, Given], Coroutine[Any, Any, Value]],
) -> Callable[Concatenate[AnyStore, Given], Coroutine[Any, Any, Value]]:
    """Let *method*, which takes `authorized_by`, call the driver as `database_call` does.

    Of one user only one at a time does so. To wait for that takes of the caller's time, and not of an
    operation's: a database that has much to do for one user is not away.
    """
    bounded = database_call(method)

    @wraps(method)
    async def call(store: AnyStore, /, *args: Given.args, **kwargs: Given.kwargs) -> Value:
        authorized_by = kwargs.get("authorized_by")
        if not isinstance(authorized_by, Profile):
            return await bounded(store, *args, **kwargs)
        turn = _turns.setdefault(authorized_by.id, asyncio.Lock())
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(min(seconds_left(), _LONGEST_SECONDS)):
                    await stack.enter_async_context(turn)
            except (TimeoutError, ExecutionTimeout) as error:
                raise DatabaseUnavailable from error
            return await bounded(store, *args, **kwargs)

    return call


async def together(
    profiles: Profiles,
    write: Callable[[AsyncClientSession | None], Awaitable[None]],
    authorized_by: Profile | None,
    leaving_admin: Profile | None = None,
) -> None:
    """Do *write* in the same moment in which others are as they have to be; with no others, just do it.

    Args:
        profiles: Where they are.
        write: What to do.
        authorized_by: The profile of whoever asks: no session of it has ended, and role and status are
            the same.
        leaving_admin: The profile that is about to give up administrating, beside which another has to stay.

    Raises:
        AuthorizationChanged, LastAdmin

    """
    if not authorized_by and not leaving_admin:
        await write(None)
        return

    async def work(transaction: AsyncClientSession) -> None:
        if authorized_by:
            await _hold(profiles, authorized_by, transaction)
        if leaving_admin:
            await _keep_admin(profiles, leaving_admin, transaction)
        await write(transaction)

    await in_transaction(profiles.database.client, work)


async def _hold(profiles: Profiles, authorized_by: Profile, transaction: AsyncClientSession) -> None:
    holds = {"id": authorized_by.id, **as_authorized(authorized_by)}
    held = await profiles.update_one(holds, {"$inc": {"held": 1}}, session=transaction)
    if held.matched_count == 0:
        raise AuthorizationChanged


async def _keep_admin(profiles: Profiles, leaving_admin: Profile, transaction: AsyncClientSession) -> None:
    """Write to one of the others: so of all who leave at once one has to stay."""
    others = {"role": Role.ADMIN.value, "status": Status.ACTIVE.value, "id": {"$ne": leaving_admin.id}}
    stays = await profiles.update_one(others, {"$inc": {"admin_guard": 1}}, session=transaction)
    if stays.matched_count == 0:
        raise LastAdmin
