from pathlib import Path

import pytest

from service.pkg.env_file import EnvFileError, read_env_file

NAMES = frozenset({"MONGO_URL", "RABBITMQ_URL", "RABBITMQ_URL_FILE", "LOG_LEVEL", "ACCESS_TOKEN"})


def environment_with(path: Path, text: str, **environ: str) -> dict[str, str]:
    """Return *environ* and what a file with this *text* adds to it."""
    path.write_text(text, encoding="utf-8")
    read_env_file(environ, path, NAMES)
    return environ


def test_what_is_in_the_file_is_set_as_it_is_written(tmp_path: Path) -> None:
    text = "# mine\nMONGO_URL='mongodb://db/pröfiles'\nexport log_level=DEBUG\nACCESS_TOKEN=\nRABBITMQ_URL\n"

    assert environment_with(tmp_path / ".env", text) == {
        "MONGO_URL": "mongodb://db/pröfiles",
        "LOG_LEVEL": "DEBUG",
    }


def test_what_is_of_others_is_left_out(tmp_path: Path) -> None:
    assert environment_with(tmp_path / ".env", "PATH=/nowhere\nLD_PRELOAD=x\nMONGO_URL_FILE=x\n") == {}


@pytest.mark.parametrize("name", ["LOG_LEVEL", "log_level"])
def test_the_environment_goes_first_unless_it_is_empty(tmp_path: Path, name: str) -> None:
    text = "LOG_LEVEL=DEBUG\nACCESS_TOKEN=b"
    found = environment_with(tmp_path / ".env", text, ACCESS_TOKEN="", **{name: "ERROR"})

    assert found == {"ACCESS_TOKEN": "b", name: "ERROR"}


@pytest.mark.parametrize("given", [{"RABBITMQ_URL": "amqp://a/"}, {"RABBITMQ_URL_FILE": "/run/a"}])
def test_a_variable_and_the_one_that_names_its_file_are_one(tmp_path: Path, given: dict[str, str]) -> None:
    for line in ("RABBITMQ_URL=amqp://b/", "RABBITMQ_URL_FILE=/run/b"):
        assert environment_with(tmp_path / ".env", line, **given) == given


def test_no_file_is_none(tmp_path: Path) -> None:
    environ = {"LOG_LEVEL": "ERROR"}
    read_env_file(environ, tmp_path / ".env", NAMES)

    assert environ == {"LOG_LEVEL": "ERROR"}


def test_a_file_that_is_no_text_is_named_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(b"MONGO_URL=canary\xff")
    with pytest.raises(EnvFileError) as refused:
        read_env_file({}, path, NAMES)

    assert str(refused.value) == f"The file {path} cannot be read: it is no UTF-8."
