"""Base64url without padding (RFC 4648, 5), of which each text has one spelling."""

import base64


def encode(data: bytes) -> str:
    """Return *data* as text."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes | None:
    """Return what *text* stands for; None if it is no such text.

    Neither is one spelt otherwise, as base64 allows by its last bits, and by "+" for "-".
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except ValueError:
        return None
    return data if encode(data) == text else None
