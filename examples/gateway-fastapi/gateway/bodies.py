"""What callers of the gateway send. The fields are those of the contract; who is meant, the token says."""

from pydantic import MISSING

from profile_contracts.fields import Email, Name, NewPassword, Request, Secret, Text, Title
from profile_contracts.profiles import LastName


class SignUp(Request):
    """A new user."""

    first_name: Name
    last_name: LastName = MISSING
    email: Email
    password: NewPassword


class Credentials(Request):
    """Who logs in."""

    email: Email
    password: Secret


class RefreshToken(Request):
    """What new tokens are given for."""

    refresh_token: Secret


class ProfilePatch(Request):
    """New values for some fields."""

    first_name: Name | MISSING = MISSING
    last_name: LastName = MISSING
    email: Email | MISSING = MISSING
    current_password: Secret | MISSING = MISSING


class NewPasswords(Request):
    """The password until now, and from now on."""

    current_password: Secret
    new_password: NewPassword


class NewPost(Request):
    """A post."""

    title: Title
    body: Text


class PostPatch(Request):
    """New values for some fields."""

    title: Title | MISSING = MISSING
    body: Text | MISSING = MISSING
