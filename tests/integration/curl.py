"""As much of `curl` as the documents use, for a machine that has none.

`python tests/integration/curl.py -s URL [-d BODY] [-H HEADER]`
"""

import argparse
import sys
import urllib.error
import urllib.request
from pathlib import Path

SECONDS = 30


def put_into(folder: Path) -> None:
    """Make a program of that name in *folder*."""
    program = folder / "curl"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__)}" "$@"\n')
    program.chmod(0o755)


def main() -> None:
    """Ask, and print the body of the answer, whatever its status is."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-d", type=str.encode)
    parser.add_argument("-H", type=lambda text: text.split(": ", 1), action="append", default=[])
    asked = parser.parse_args()
    request = urllib.request.Request(asked.url, asked.d, dict(asked.H))  # noqa: S310 - a page of ours names it
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            sys.stdout.write(answer.read().decode())
    except urllib.error.HTTPError as refused:
        sys.stdout.write(refused.read().decode())


if __name__ == "__main__":
    main()
