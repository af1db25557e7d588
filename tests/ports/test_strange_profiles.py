"""Deleted profiles that our rules would refuse today, or that another version of the service has stored."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from service.app.commands.erase_expired import EraseExpiredHandler
from service.app.commands.erase_post import ErasePostHandler
from service.app.queries.export_profile import ExportProfile, ExportProfileHandler
from service.domain.email import EmailMalformed
from service.domain.profile import Status
from service.infrastructure.mongo.posts import MongoPosts
from service.infrastructure.mongo.profiles import MongoProfiles
from service.infrastructure.mongo.sessions import MongoSessions
from service.pkg.database import Documents, default_database
from tests.builders import NOON, a_profile
from tests.fakes.clock import FakeClock
from tests.fakes.operating import eraser
from tests.fakes.posts import FakePosts

RETENTION = timedelta(days=30)
LATER = NOON + RETENTION + timedelta(days=1)

STRANGE: Mapping[str, Mapping[str, Any]] = {
    "an address that is none": {"email": "ada at example dot org"},
    "an address that is too long": {"email": "a" * 400 + "@example.org"},
    "a role of a newer version": {"role": "auditor"},
    "a status before of a newer version": {"previous_status": "archived"},
    "a name that is none": {"first_name": None, "last_name": 7},
    "no times": {"created_at": None, "updated_at": None},
    "attributes that are none": {"attributes": "locale=fr", "email_version": None},
    "a second factor of a newer version": {"totp": {"sealed": b"secret"}},
    "a second factor that is none": {"totp": "none"},
    "more fields": {"nickname": "Ada", "addresses": [{"city": "London"}]},
}


@pytest.mark.parametrize("strange", STRANGE)
async def test_it_is_exported_and_erased_in_its_time(
    client: AsyncMongoClient[Documents], strange: str
) -> None:
    database, ada = default_database(client), a_profile()
    profiles, sessions = MongoProfiles(database), MongoSessions(database)
    await profiles.add(ada)
    await profiles.save(ada.deleted(NOON))
    await database["profiles"].update_one({"id": ada.id}, {"$set": dict(STRANGE[strange])})

    export = ExportProfileHandler(profiles, sessions, MongoPosts(database))
    held = await export.handle(ExportProfile(ada.id))
    erase = eraser(profiles, sessions, FakeClock(LATER))
    erase_post = ErasePostHandler(FakePosts(), FakeClock(LATER))
    await EraseExpiredHandler(erase, erase_post, FakeClock(LATER), RETENTION).handle()
    left = await database["profiles"].find_one({"id": ada.id})

    assert json.dumps(held, default=str).count(str(ada.id)) == 1
    assert left
    assert (left["status"], left["email"], left["first_name"]) == ("erased", "", "")


async def test_what_has_no_address_any_more_is_not_restored(client: AsyncMongoClient[Documents]) -> None:
    database, ada = default_database(client), a_profile()
    profiles = MongoProfiles(database)
    await profiles.add(ada)
    await profiles.save(ada.deleted(NOON))
    await database["profiles"].update_one({"id": ada.id}, {"$set": {"email": "none"}})
    deleted = await profiles.get_including_deleted(ada.id)

    assert (deleted.status, deleted.email.typed) == (Status.DELETED, "none")
    with pytest.raises(EmailMalformed):
        deleted.restored(LATER)
