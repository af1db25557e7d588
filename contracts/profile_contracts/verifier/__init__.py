"""Verifies access tokens in a gateway's own process: the extra `verifier`, which brings PyJWT."""

from profile_contracts.verifier.tokens import AccessClaims, CannotVerify, TokenRefused
from profile_contracts.verifier.verifier import TokenVerifier

__all__ = ["AccessClaims", "CannotVerify", "TokenRefused", "TokenVerifier"]
