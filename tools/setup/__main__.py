"""Makes the environment in a folder ready: `python -E -s -m tools.setup FOLDER`, where the Makefile is."""

import os
import sys
from pathlib import Path

from tools.setup.environment import make_ready
from tools.setup.errors import SetupError

_INTERRUPTED = 130


def main() -> int:
    """Return the exit code. Whatever goes wrong is one sentence, as far as it can be foreseen."""
    try:
        # One name for the folder, by whichever link it was reached.
        make_ready(Path(os.path.realpath(sys.argv[1])), Path.cwd().resolve())
    except SetupError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"{error.strerror}: {error.filename}. Mend that, and run the command again.", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nInterrupted: the next run makes the environment anew.", file=sys.stderr)
        return _INTERRUPTED
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
