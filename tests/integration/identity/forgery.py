"""Access tokens as forgers make them, with and without the signing key."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.infrastructure.security.keys import SigningKey

Json = dict[str, Any]
REQUIRED = ("iss", "aud", "sub", "sid", "role", "iat", "exp", "jti")


def base64url(data: bytes) -> str:
    """Return *data* as JWTs have it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Forger:
    """Has a good token, and for some forgeries the key that signed it."""

    token: str
    key: SigningKey

    @property
    def header(self) -> Json:
        """The header of the good token."""
        return dict(jwt.get_unverified_header(self.token))

    @property
    def claims(self) -> Json:
        """What the good token says."""
        return dict(jwt.decode(self.token, options={"verify_signature": False}))

    def signed(self, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """Return a token with a genuine signature; a claim or header that is `None` is left out."""
        return self.by(self.key.private.sign, header, **claims)

    def by(
        self, sign: Callable[[bytes], bytes], header: Mapping[str, Any] | None = None, **claims: Any
    ) -> str:
        """Return a token that *sign* signs."""
        parts = [{**self.header, **(header or {})}, {**self.claims, **claims}]
        kept = [{name: value for name, value in part.items() if value is not None} for part in parts]
        text = ".".join(base64url(json.dumps(part).encode()) for part in kept)
        return f"{text}.{base64url(sign(text.encode()))}"


def _mac(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda text: hmac.digest(secret, text, hashlib.sha256)


def _with_public_key(forger: Forger, encoding: Encoding, form: PublicFormat) -> str:
    secret = forger.key.private.public_key().public_bytes(encoding, form)
    return forger.by(_mac(secret), {"alg": "HS256"})


def _own_key(forger: Forger, **header: Any) -> str:
    return forger.by(Ed25519PrivateKey.generate().sign, header)


def _embedded_key(forger: Forger) -> str:
    own = SigningKey.of(Ed25519PrivateKey.generate(), forger.key.made_at)
    return forger.by(own.private.sign, {"jwk": own.public_jwk(), "jku": "https://example.org/jwks"})


def _nested(_: Forger) -> str:
    return base64url(b"[" * 3000) + ".e30.c2ln"


FORGERIES: Mapping[str, Callable[[Forger], str]] = {
    "empty": lambda _: "",
    "spaces": lambda _: "   ",
    "no_token": lambda _: "not.a.token",
    "not_ascii": lambda forger: forger.token + "é",
    "two_parts": lambda forger: forger.token.rpartition(".")[0],
    "four_parts": lambda forger: forger.token + ".e30",
    "nested_deep": _nested,
    "header_is_null": lambda _: f"{base64url(b'null')}.e30.c2ln",
    "alg_none": lambda forger: forger.by(lambda _: b"", {"alg": "none"}),
    "alg_none_in_capitals": lambda forger: forger.by(lambda _: b"", {"alg": "NoNe"}),
    "alg_missing": lambda forger: forger.signed({"alg": None}),
    "alg_none_but_signed": lambda forger: forger.signed({"alg": "none"}),
    "signature_missing": lambda forger: forger.token.rpartition(".")[0] + ".",
    "hs256_public_key_raw": lambda forger: _with_public_key(forger, Encoding.Raw, PublicFormat.Raw),
    "hs256_public_key_pem": lambda forger: _with_public_key(
        forger, Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ),
    "hs256_x_of_the_jwk": lambda forger: forger.by(
        _mac(forger.key.public_jwk()["x"].encode()), {"alg": "HS256"}
    ),
    "hs256_empty_secret": lambda forger: forger.by(_mac(b""), {"alg": "HS256"}),
    "another_key_same_kid": _own_key,
    "another_key_another_kid": lambda forger: _own_key(forger, kid=uuid4().hex),
    "key_in_the_header": _embedded_key,
    "kid_is_a_path": lambda forger: forger.by(
        _mac(b""), {"alg": "HS256", "kid": "../../../../../../dev/null"}
    ),
    "kid_is_a_path_signed": lambda forger: forger.signed({"kid": f"../keys/{forger.key.kid}"}),
    "kid_is_sql": lambda forger: forger.signed({"kid": "' UNION SELECT 'key"}),
    "kid_is_an_operator": lambda forger: forger.signed({"kid": {"$ne": ""}}),
    "kid_is_a_list": lambda forger: forger.signed({"kid": [forger.key.kid]}),
    "kid_is_a_number": lambda forger: forger.signed({"kid": 1}),
    "kid_missing": lambda forger: forger.signed({"kid": None}),
    "typ_jwt": lambda forger: forger.signed({"typ": "JWT"}),
    "typ_id_token": lambda forger: forger.signed({"typ": "id+jwt"}),
    "typ_missing": lambda forger: forger.signed({"typ": None}),
    "critical_extension": lambda forger: forger.signed({"crit": ["exp2"], "exp2": 1}),
    "another_issuer": lambda forger: forger.signed(iss="somebody else"),
    "another_audience": lambda forger: forger.signed(aud="another service"),
    "expired": lambda forger: forger.signed(exp=int(time.time()) - 60),
    "expiry_is_text": lambda forger: forger.signed(exp="never"),
    "another_session": lambda forger: forger.signed(sid=str(uuid4())),
    "expiry_beyond_time": lambda forger: forger.signed(exp=10**30),
    "unknown_role": lambda forger: forger.signed(role="emperor"),
    "session_is_no_uuid": lambda forger: forger.signed(sid="1"),
    "session_is_a_number": lambda forger: forger.signed(sid=1),
    "sixty_kilobytes": lambda forger: forger.token + "A" * 60_000,
    "sixty_kilobytes_of_claims": lambda forger: forger.signed(more="A" * 40_000),
    **{
        f"{claim}_missing": lambda forger, claim=claim: forger.signed(**{claim: None})  # type: ignore[misc]
        for claim in REQUIRED
    },
}
