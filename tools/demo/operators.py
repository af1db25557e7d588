"""What operators do: take users over from elsewhere, and look after single ones."""

import json
from uuid import UUID

from profile_contracts.auth import LogIn, Tokens, UnlockAccount
from profile_contracts.profiles import (
    EraseProfile,
    FindProfile,
    ListProfiles,
    RestoreProfile,
    Role,
)
from service.infrastructure.security.hash_schemes import Argon2id, Bcrypt
from tools.demo.asking import PASSWORD, Demo

_GRACE, _ALAN = "grace@example.org", "alan@example.org"


async def take_users_over(demo: Demo) -> None:
    """Import users with the hashes of their passwords, let one log in, and export all."""
    password = PASSWORD.get_secret_value().encode()
    by_argon2id = Argon2id(memory_kib=19_456, iterations=2, parallelism=1).hash(password)
    lines = [
        {
            "email": _GRACE,
            "first_name": "Grace",
            "role": Role.ADMIN,
            "password_hash": Bcrypt(10).hash(password),
        },
        {"email": _ALAN, "first_name": "Alan", "password_hash": by_argon2id},
    ]
    (demo.folder / "users.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    await demo.profilectl(
        "An operator takes users over",
        *("profile", "import", "users.jsonl"),
        says="2 imported, 0 there already, 0 refused.",
    )
    login = LogIn(email=_ALAN, password=PASSWORD)
    await demo.expect("One of them logs in with his password", login, demo.client.log_in(login))
    await demo.profilectl("Write them all out", "profile", "export-all", "all.jsonl", says="2 exported.")


async def look_after_users(demo: Demo, who: UUID, email: str) -> None:
    """As an administrator, find a deleted user, bring her back, and let her go for good."""
    client, ask = demo.client, demo.expect
    login = LogIn(email=_GRACE, password=PASSWORD)
    tokens = await ask("An administrator logs in", login, client.log_in(login))
    if not isinstance(tokens, Tokens):
        return
    token = tokens.access_token
    everybody = ListProfiles(limit=10)
    await ask("List the users", everybody, client.list_profiles(everybody, token))
    now, ever = FindProfile(email=email), FindProfile(email=email, include_deleted=True)
    await ask("Find who is gone", now, client.find_profile(now, token), "profile_not_found")
    await ask("Find who is gone, deleted ones too", ever, client.find_profile(ever, token))
    restore = RestoreProfile(id=who)
    await ask("Bring her back", restore, client.restore_profile(restore, token))
    unlock = UnlockAccount(id=who)
    await ask("Forgive her wrong passwords", unlock, client.unlock_account(unlock, token))
    erase = EraseProfile(id=who)
    await ask("Erase all that is held", erase, client.erase_profile(erase, token))
    await ask("Nobody finds her", ever, client.find_profile(ever, token), "profile_not_found")
