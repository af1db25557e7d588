"""Passwords by bcrypt, tokens by PyJWT."""
