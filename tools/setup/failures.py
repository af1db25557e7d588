"""What went wrong, in a sentence, from what pip or uv has said."""

import re
from pathlib import Path
from typing import Final

# The first that is found counts: a machine without network also finds no package.
_KNOWN: Final = (
    (
        r"No space left on device|os error 28\b|Disk quota exceeded",
        "The disk is full: make room, and run the command again.",
    ),
    (
        r"Read-only file system|Permission denied|os error 13\b|os error 30\b",
        "A folder is not yours to write to: see which.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|invalid peer certificate|UnknownIssuer",
        "The package index has a certificate that is not trusted: name your authority's file in PIP_CERT.",
    ),
    (
        r"\b40[137] (?:Client Error|Unauthorized|Forbidden|Proxy)|Tunnel connection failed",
        "The package index, or the proxy before it, refuses you: check the user and password in its address.",
    ),
    (
        r"DO NOT MATCH THE HASHES|Hash mismatch",
        "The package index has another file than the one that is locked: take another index.",
    ),
    (
        (
            r"NewConnectionError|ConnectTimeoutError|ReadTimeoutError|NameResolutionError|ProxyError"
            r"|dns error|error sending request|tcp connect error|operation timed out|Failed to fetch"
            r"|Network is unreachable|Connection (?:broken|refused|reset|aborted)|RemoteDisconnected"
        ),
        "The package index cannot be reached: check the network, or name a mirror in PIP_INDEX_URL.",
    ),
    (
        r"No matching distribution found|no version of|not found in the (?:package registry|cache|provided)",
        "The package index lacks a locked file for this machine: see which, and take another index.",
    ),
)


def explained(output: str, log: Path) -> str:
    """Return a sentence about *output*, which is kept in *log*."""
    for pattern, sentence in _KNOWN:
        if re.search(pattern, output, re.IGNORECASE):
            return f"{sentence} What was said is in {log}."
    return f"The packages could not be installed. What was said is in {log}."
