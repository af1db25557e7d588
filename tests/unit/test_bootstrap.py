"""What settings switch on: which class stands for a port, and that none does where nothing is asked for."""

from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest

from service.app.auth.passwords import PasswordTooCommon
from service.bootstrap import Resources, profiles_and_passwords
from service.domain.password import PasswordTooLong
from service.infrastructure.security.breached_passwords import BreachedPasswordFile
from service.infrastructure.security.weak_passwords import ZxcvbnPasswords
from service.settings import Settings

URLS = {"rabbitmq_url": "amqp://u:p@mq.invalid/", "mongo_url": "mongodb://db.invalid/profiles"}


async def wired(**settings: Any) -> tuple[object, object]:
    """Return what looks at new passwords, beside the list of common ones."""
    chosen = Settings.model_validate({**URLS, **settings})
    resources = Resources.opened(chosen)
    _, passwords = profiles_and_passwords(chosen, resources)
    await resources.close()
    return passwords.breached, passwords.weak


async def test_new_passwords_are_looked_at_more_closely_if_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "breached.txt"
    path.write_text(f"{sha1(b'password', usedforsecurity=False).hexdigest()}:9\n")
    breached, weak = await wired(breached_passwords=str(path), password_min_score=3)

    assert await wired() == (None, None)
    assert isinstance(breached, BreachedPasswordFile)
    assert isinstance(weak, ZxcvbnPasswords)


@pytest.mark.parametrize(
    "url",
    [
        "redis://u:p%2F@redis:6380/1?socket_timeout=1",
        "rediss://:p@redis?ssl_cert_reqs=required&ssl_ca_certs=/etc/ca.pem",
        "unix:///run/redis/redis.sock?db=1",
    ],
)
async def test_redis_is_opened_with_the_options_of_its_address(url: str) -> None:
    resources = Resources.opened(Settings.model_validate({**URLS, "redis_url": url}))
    await resources.close()

    assert resources.redis


async def test_words_of_the_organisation_are_none_of_passwords() -> None:
    chosen = Settings.model_validate({**URLS, "password_context_words": ["Acme"]})
    resources = Resources.opened(chosen)
    _, passwords = profiles_and_passwords(chosen, resources)
    with pytest.raises(PasswordTooCommon):
        await passwords.hash_new("acme2026", ())
    await resources.close()


async def test_argon2id_hashes_by_owasps_values_what_bcrypt_can_not_read() -> None:
    long = "a correct horse " * 5
    chosen = [Settings.model_validate({**URLS, **each}) for each in ({"password_scheme": "argon2id"}, {})]
    resources = Resources.opened(chosen[0])
    (_, by_argon2id), (_, by_bcrypt) = (profiles_and_passwords(each, resources) for each in chosen)
    hashed = await by_argon2id.hash_new(long, ())
    with pytest.raises(PasswordTooLong):
        await by_bcrypt.hash_new(long, ())
    await resources.close()

    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
