"""Members of a cluster: servers that are killed, paused and started again, as machines are."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tools.servers.hosts import Host
from tools.servers.processes import Child

# For the system to take back what a process had that was killed.
_KILLED_SECONDS: Final = 30.0
# For it to hand over what it leads, and to write what it has.
_STOPPED_SECONDS: Final = 60.0


@dataclass(slots=True)
class Member:
    """A server that keeps its ports and its data, whatever happens to its process.

    Attributes:
        address: Host and port.
        launch: Starts the process anew, and does not wait.
        is_ready: Whether this very process, by its id, does its part; it may take a moment to say so.
        child: The process that there is or was last.

    """

    name: str
    host: Host
    address: str
    launch: Callable[[], Child]
    is_ready: Callable[[int], bool]
    child: Child

    @property
    def pid(self) -> int:
        """The process's id, which is its group's, too."""
        return self.child.process.pid

    def is_running(self) -> bool:
        """Return whether there is a process, be it paused."""
        return self.child.process.poll() is None

    def kill(self) -> None:
        """End it as a failing machine does."""
        self._signal(signal.SIGKILL)
        self.child.process.wait(_KILLED_SECONDS)

    def stop(self) -> None:
        """Tell it to end, as an upgrade does, and wait until it has."""
        self._signal(signal.SIGTERM)
        self.child.process.wait(_STOPPED_SECONDS)

    def pause(self) -> None:
        """Let it say nothing more, and keep its connections."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def start(self) -> None:
        """Start it again."""
        self.child = self.launch()

    def wait(self, seconds: float) -> None:
        """Wait until it does its part; `ServerFailed`, with the end of its log, if it does not."""
        self.child.wait_until(lambda: self.is_ready(self.pid), within=seconds)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)
