"""What `make run` prints: where everything is, and what to try."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tools.servers.local_rabbitmq import USUAL_CONSOLE_PORT, USUAL_PORT
from tools.servers.processes import LOOPBACK
from tools.servers.sandbox import Sandbox
from tools.worker import environment

# How the README calls its example.
EXAMPLE: Final = "first_call.py"
# The program of the environment that we run in, whether or not somebody has activated it.
_PROGRAMS: Final = Path(sys.prefix, "bin")


@dataclass(frozen=True, slots=True)
class Guide:
    """Tells about a worker in *box*, with its log and keys in *folder*."""

    box: Sandbox
    folder: Path
    health_port: int

    @property
    def log(self) -> Path:
        """Where the worker's log is."""
        return self.folder / "worker.log"

    def text(self) -> str:
        """Return all of it, and write the settings to a file; their secrets are of these servers only."""
        box, administrator = self.box, urlsplit(self.box.admin_url)
        settings = self._settings()
        file = self.folder / "settings.sh"
        file.write_text(settings)
        return f"""
The worker answers.
  broker   {box.gateway_url}
  console  {box.management_url}  (user {administrator.username}, password {administrator.password})
  MongoDB  {box.mongo_url}
  Redis    {box.redis_url}
  health   http://{LOOPBACK}:{self.health_port}/readyz
  log      {self.log}
{self._unusual_ports()}
`profilectl` in another terminal needs the worker's settings:
{settings.rstrip()}
Or, in short: . {shlex.quote(str(file))}
Then make the first administrator:
  {_program("profilectl")} admin create you@example.org

The README's example, saved there as {EXAMPLE}, greets a first user:
  cd {shlex.quote(str(Path.cwd()))}
  {_program("python")} {EXAMPLE}
{self._other_address()}
Ctrl-C stops everything."""

    def _settings(self) -> str:
        settings = environment(self.box, self.folder / "keys")
        return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items())

    def _unusual_ports(self) -> str:
        ports = {
            USUAL_PORT: urlsplit(self.box.gateway_url).port,
            USUAL_CONSOLE_PORT: urlsplit(self.box.management_url).port,
        }
        return "".join(
            f"  (Port {usual} was not free, so it is {port}.)\n"
            for usual, port in ports.items()
            if port not in (None, usual)
        )

    def _other_address(self) -> str:
        """Say what to change in the example where the broker is not at the usual address."""
        if self.box.gateway_url.endswith(f"@{LOOPBACK}:{USUAL_PORT}/"):
            return ""
        return f"Write {self.box.gateway_url} in it, in place of the address that it names.\n"


def _program(name: str) -> str:
    return shlex.quote(str(_PROGRAMS / name))
