"""What settings switch on: which class stands for a port, and that none does where nothing is asked for."""

from hashlib import sha1
from pathlib import Path
from typing import Any

from service.bootstrap import Resources, profiles_and_passwords
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
