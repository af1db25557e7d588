"""docker-compose.yml names what is there, holds no secret, and opens nothing to the network."""

import asyncio
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from service.cli import MAY_COME_FROM_FILES
from service.pkg.probes import serve_health
from service.settings import Settings
from tests.architecture.health_pages import health_pages
from tests.documents import ROOT
from tools.reference.profilectl import commands

COMPOSE = ROOT / "docker-compose.yml"
SCRIPT = ROOT / "deploy" / "compose" / "first-start.sh"


def services() -> dict[str, dict[str, Any]]:
    """Return the services by name."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def test_a_worker_gets_settings_that_exist_and_is_asked_for_a_page_that_does() -> None:
    worker = services()["worker"]
    settings = {each.upper() for each in Settings.model_fields}
    (page,) = re.findall(r":8080(/[a-z]+)", str(worker["healthcheck"]["test"]))

    assert set(worker["environment"]) <= settings | {f"{each}_FILE" for each in MAY_COME_FROM_FILES}
    assert worker["environment"]["HEALTH_PORT"] == 8080
    assert page in health_pages()


async def test_a_proxy_is_not_asked_whether_the_worker_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker gives containers the proxy of its own settings."""
    _, *command = services()["worker"]["healthcheck"]["test"]
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    async def ready() -> tuple[bool, dict[str, str]]:
        return True, {"status": "ready"}

    with serve_health(0, {"/readyz": ready}) as port:
        words = [each.replace(":8080", f":{port}") for each in command]
        asking = await asyncio.create_subprocess_exec(sys.executable, *words[1:])

        assert await asking.wait() == 0


def test_whatever_is_to_stay_up_is_started_again() -> None:
    ending = {
        name
        for each in services().values()
        for name, how in each.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }

    assert ending == {"secrets"}
    assert {name: each.get("restart") for name, each in services().items() if name not in ending} == (
        dict.fromkeys(services().keys() - ending, "unless-stopped")
    )


def test_no_password_is_in_the_file() -> None:
    said = str(yaml.safe_load(COMPOSE.read_text())).lower()  # without comments

    assert "password" not in said
    assert re.findall(r"\w+://[^\s/']*@", said) == []


def test_nobody_logs_in_to_grafana_whose_administrator_has_the_usual_password() -> None:
    settings = services()["grafana"]["environment"]

    assert settings["GF_AUTH_BASIC_ENABLED"] == "false"
    assert settings["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert settings.get("GF_AUTH_ANONYMOUS_ORG_ROLE", "Viewer") == "Viewer"


def test_every_port_is_for_this_machine_and_every_image_has_a_version() -> None:
    ports = [port for each in services().values() for port in each.get("ports", ())]
    images = [each["image"] for each in services().values() if "image" in each]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
    assert [image for image in images if not re.search(r":v?\d", image)] == []


def test_what_the_first_start_runs_is_there() -> None:
    called = set(re.findall(r"profilectl [a-z]+ [a-z]+", SCRIPT.read_text()))

    assert called == {"profilectl keys new"}
    assert called <= {command for command, _ in commands()}
    subprocess.run(["/bin/sh", "-n", SCRIPT], check=True)  # it can be read


def test_every_file_that_is_mounted_is_there() -> None:
    mounted = re.findall(r"(?:file: |- )((?:\./)?deploy/[\w./-]+)", COMPOSE.read_text())

    assert len(mounted) >= 5
    assert [each for each in mounted if not (ROOT / each).exists()] == []
