"""A worker of an earlier release: `python -m tests.cluster.released_worker worker`.

It runs in the environment of that release, `RELEASED_PYTHON`, and in the place of this process.
"""

import os
import sys

if __name__ == "__main__":
    python = os.environ["RELEASED_PYTHON"]
    os.execv(python, [python, "-P", "-m", "service.cli", *sys.argv[1:]])  # noqa: S606 - -P: not the service here
