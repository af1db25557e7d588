"""How many wrong passwords are taken, of whom.

Each try is taken from a budget that fills up again bit by bit, and only a wrong password costs anything.
Whoever is known, by a device token or by a session, has a budget of their own (OWASP, "Slow Down Online
Guessing Attacks with Device Cookies"), so that strangers who guess cannot use it up. Wrong passwords of
strangers are counted for their network and for the calling service, too. If those budgets are used up, nobody
is refused for that alone: strangers there get one wrong password for an account, instead of several.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import Final

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who tries a password, and for which account.

    Attributes:
        account: The key of the e-mail address that was typed, whether anybody has it or not.
        at_code: Whether the code of a second factor is tried, and not a password.
        known: The device or the session of that account that the attempt comes from, if it is proved.
        service: The broker user, if known; those that are not are one.
        client_network: Where the human is, as a trusted service says.

    """

    account: str
    known: str | None = None
    service: str | None = None
    client_network: str | None = None
    at_code: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """How many wrong passwords are taken.

    Attributes:
        burst: So many at once, after a while without any.
        every: After so long there is one more.

    """

    burst: int
    every: timedelta


@dataclass(frozen=True, slots=True)
class Budgets:
    """What each kind of counter takes. The settings say otherwise."""

    account: Budget = Budget(10, DAY / 96)
    known: Budget = Budget(10, DAY / 288)
    network: Budget = Budget(100, MINUTE / 10)
    service: Budget = Budget(2_000, MINUTE / 1_200)


# What strangers get of an account's budget where too many others guess.
BURST_IN_A_CROWD: Final = 1


@dataclass(frozen=True, slots=True)
class Counter:
    """One thing that wrong passwords are counted for."""

    name: str
    budget: Budget


@dataclass(frozen=True, slots=True)
class Counters:
    """What an attempt is counted for.

    Attributes:
        own: It needs a place in this budget: that of the account among strangers, or one of its own.
        crowds: Those that the attempt is one of many in.

    """

    own: Counter
    crowds: Sequence[Counter] = ()


def counters_of(attempt: Attempt, budgets: Budgets) -> Counters:
    """Return what *attempt* is counted for. Names are digests: they are no place for addresses."""
    if attempt.known is not None:
        return Counters(_counter("known", attempt.known, budgets.known))
    crowds = (
        ("network", attempt.client_network, budgets.network),
        # Those that do not say who they are share one, or a service would gain by leaving `user_id` out.
        ("service", attempt.service or "", budgets.service),
    )
    return Counters(
        _counter("code" if attempt.at_code else "account", attempt.account, budgets.account),
        [_counter(kind, name, budget) for kind, name, budget in crowds if name is not None],
    )


def _counter(kind: str, name: str, budget: Budget) -> Counter:
    digest = blake2b(name.encode(errors="replace"), digest_size=16).hexdigest()
    return Counter(f"{kind}:{digest}", budget)
