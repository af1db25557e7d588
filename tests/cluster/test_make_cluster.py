"""What `make cluster` starts, it starts again when it is killed, and leaves nothing of it behind."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from tools.servers.waiting import wait_until

SECONDS: Final = 120.0


def processes_of(group: str) -> list[str]:
    """Return what runs from folders of servers whose names hold *group*."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended
            continue
        if group in words:
            found.append(words)
    return found


def test_a_killed_node_is_started_again_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    output = tmp_path / "output"
    with output.open("wb") as told:
        running = subprocess.Popen(
            [sys.executable, "-m", "tools.cluster", "--workers", "2"],
            stdout=told,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(tmp_path)},
            start_new_session=True,
        )

    def said(what: str) -> re.Match[str] | None:
        assert running.poll() is None, output.read_text()
        return re.search(what, output.read_text())

    try:
        wait_until(lambda: said("Ctrl-C stops everything"), within=SECONDS)
        assert len(set(re.findall(r"kill -9 (\d+) .*# (?:RabbitMQ|MongoDB)", output.read_text()))) == 6
        node = said(r"kill -9 (\d+) .*# RabbitMQ")
        assert node
        os.kill(int(node[1]), signal.SIGKILL)
        wait_until(lambda: said("starts: kill -9"), within=SECONDS)

        running.send_signal(signal.SIGINT)
        assert running.wait(SECONDS) == 0
    finally:
        running.kill()
        running.wait()

    wait_until(lambda: not processes_of(str(tmp_path)), within=10)
    assert [each.name for each in tmp_path.iterdir()] == ["output"]
