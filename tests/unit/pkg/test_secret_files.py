from pathlib import Path

import pytest

from service.cli import MAY_COME_FROM_FILES
from service.pkg.secret_files import SecretFileError, read_secret_files
from service.settings import Settings

NAME, FILE = "RABBITMQ_URL", "RABBITMQ_URL_FILE"


def test_what_is_in_the_file_is_the_variable(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("\namqp://u:pä%20ss@mq/\r\n", encoding="utf-8")
    environ = {FILE: str(file), "MONGO_URL": "mongodb://db/x", "REDIS_URL_FILE": ""}
    read_secret_files(environ, [NAME, "MONGO_URL", "REDIS_URL"])

    assert environ == {NAME: "amqp://u:pä%20ss@mq/", "MONGO_URL": "mongodb://db/x"}


def test_a_worker_that_another_one_starts_reads_it_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("amqp://mq/")
    environ = {FILE: str(tmp_path / "url"), NAME: ""}
    for _ in range(2):
        read_secret_files(environ, [NAME])

    assert environ == {NAME: "amqp://mq/"}


def test_one_address_or_the_other(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("canary")
    with pytest.raises(SecretFileError, match=r"^RABBITMQ_URL and RABBITMQ_URL_FILE are both set\.$"):
        read_secret_files({FILE: str(tmp_path / "url"), NAME: "canary"}, [NAME])


@pytest.mark.parametrize("content", [b"", b" \n", b"\xffcanary", b"canary\0canary"])
def test_a_file_without_text_is_named_and_not_shown(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "url"
    file.write_bytes(content)
    with pytest.raises(SecretFileError) as refused:
        read_secret_files({FILE: str(file)}, [NAME])

    assert str(refused.value) == f"{FILE}: {file} holds no text."


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretFileError, match=r"RABBITMQ_URL_FILE: .*No such file or directory: .*nowhere"):
        read_secret_files({FILE: str(tmp_path / "nowhere")}, [NAME])
    with pytest.raises(SecretFileError, match="Is a directory"):
        read_secret_files({FILE: str(tmp_path)}, [NAME])


def test_every_setting_that_holds_a_password_may_come_from_a_file() -> None:
    secret = {name.upper() for name, field in Settings.model_fields.items() if not field.repr}

    assert set(MAY_COME_FROM_FILES) == secret
