"""`make rules`: Prometheus' own tool checks its configuration and the rules, and runs their tests."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from tools.ending import ended_well
from tools.servers import ServersUnavailable
from tools.servers.binaries import find, find_or_install
from tools.servers.packages import can_install

_FOLDER: Final = Path(__file__).parents[1] / "deploy" / "prometheus"
_CHECKS: Final = (
    ("check", "config", "prometheus.yml"),
    ("check", "rules", "rules.yml"),
    ("test", "rules", "rules_test.yml"),
)
_SECONDS: Final = 60


def main() -> int:
    """Run all of them; return how the worst one ended."""
    if find("promtool") is None and not can_install():
        raise ServersUnavailable("promtool is missing: `apt-get install prometheus` brings it (as root).")
    promtool = find_or_install(["promtool"], print)["promtool"]
    runs = [subprocess.run([promtool, *each], cwd=_FOLDER, timeout=_SECONDS, check=False) for each in _CHECKS]
    return max(each.returncode for each in runs)


if __name__ == "__main__":
    sys.exit(ended_well(main))
