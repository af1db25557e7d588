from pathlib import Path

import pytest

from tools.setup.failures import explained

NO_NETWORK = """
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(': Failed to establish a new
connection: [Errno -3] Temporary failure in name resolution')': /simple/uv/
ERROR: Could not find a version that satisfies the requirement uv==1 (from versions: none)
ERROR: No matching distribution found for uv==1
"""


@pytest.mark.parametrize(
    ("output", "beginning"),
    [
        (NO_NETWORK, "The package index cannot be reached"),
        ("error: Failed to fetch: `http://x`\n  Caused by: dns error", "The package index cannot be reached"),
        ("ERROR: Could not install: No space left on device", "The disk is full"),
        ("failed to write to file: No space left on device (os error 28)", "The disk is full"),
        ("ERROR: [Errno 13] Permission denied: '/x'", "A folder is not yours"),
        ("Read-only file system (os error 30)", "A folder is not yours"),
        ("SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "The package index has a cert"),
        ("client error\n invalid peer certificate: UnknownIssuer", "The package index has a cert"),
        ("ERROR: HTTP error: 401 Client Error: Unauthorized", "The package index, or the proxy"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "The package index has another file"),
        ("  Hash mismatch for `uv==1`", "The package index has another file"),
        ("ERROR: No matching distribution found for uv==1", "The package index lacks a locked file"),
        ("Killed", "The packages could not be installed"),
    ],
)  # fmt: skip
def test_what_was_said_becomes_a_sentence(output: str, beginning: str) -> None:
    sentence = explained(output, Path("/here/.venv.log"))

    assert sentence.startswith(beginning)
    assert sentence.endswith("What was said is in /here/.venv.log.")
    assert "\n" not in sentence
