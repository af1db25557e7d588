"""The passwords that are guessed first: 30,000 of them, from zxcvbn's list."""

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from service.app.auth.passwords import CommonPasswords


class CommonPasswordList(CommonPasswords):
    """Knows zxcvbn's list of common passwords (ASVS 5.0, 6.2.4, asks for the first 3,000)."""

    def __init__(self) -> None:
        self._listed = frozenset(FREQUENCY_LISTS["passwords"])

    def __contains__(self, password: str) -> bool:
        """Return whether *password* is one of them, in whatever case."""
        return password.casefold() in self._listed
