"""One term for each thing, and that the field's (`docs/glossary.md`): names of ours alone do not come back."""

# ruff: noqa: E501 - a table reads best by rows

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

# What a name was -> what it is. Ordinary words only in the form in which they were names.
IN_CODE: Final[dict[str, str]] = {
    # domain
    r"\b(Profile|Post)Changes\b|\bChanges\b|(?<!\w)Change\[|\bchange_(post|profile)\b": "Patch, Mutation, update",
    r"\bThing\b|\bthing_id\b": "Aggregate",
    r"\bStandingMoved\b|\bStandings?\b": "AuthorizationChanged, SessionGuard, SettableStatus",
    r"\bCommandId\b|\bHandled\b|\bAlreadyMade\b": "IdempotencyKey, ProcessedCommand, AlreadyCreated",
    r"\bfind_made\b|\bfind_handled\b|\bmade_once\b|\.remember\(": "find_created_by, find_processed, ...",
    r"\bannounced\b|\bget_even_deleted\b|\bkeeps_admin\b|\bstayed\b": "require_other_admin, admin_guard, ...",
    r"(?<!\")\bstatus_before\b": "previous_status",
    r"\bWhich\.|\bWITH_TEXT\b|\bGONE\b|\bUSUAL_PAGE\b": "PostSelection, NOT_ERASED, UNLISTED, ...",
    r"\bSessionMoved\b|(?<!\")\bmoved_(at|by)\b|\bspared\b|\bIDLE\b": "RefreshConflict, rotated_at, kept, ...",
    # app
    r"\bCaller\b|\.why\b|\bWindow\b|\bdescribed\(|\.seal\(|\bchosen\b": "RequestContext, auth_error, PageRequest",
    r"\bTooManyWriters\b|\bsaving\.py\b": "WriteContention, optimistic_update",
    r"(?<![\w.])require\(|\brequire_known\b|\bCHANGE_STANDING\b|\b_RESPONSIBLE\b": "authorize, ...",
    r"\bpasswords\.prove\b|\brequire_room\b|\b_NOBODYS_PASSWORD\b": "verify_credentials, ensure_capacity, ...",
    r"\bListedPasswords\b|\bVerifiedPasswords\b": "CommonPasswordList, CachingPasswordHasher",
    r"\bGate\b|\.passed\(|\bAnswer\.|\bNOT_LOOKED_AT\b": "KeyedLock.hold, ReservationResult, UNCHECKED",
    r"Verdicts?\b|\bnote_(alive|ended)\b": "SessionStatusCache, TokenIntrospection, mark_alive, ...",
    r"\bUntold\b|\buntold\b|\bdef told\b|\.told\(|\b_?unhinted\b": "PendingEvents, load_pending, mark_published",
    r"\bHint\b|\b_hint\b|\brelay\.hint\b|\.room\(|\bLEFT\b|\b_tell\w*\(": "Notify, wait_capacity, STALE_AFTER, ...",
    r"\bFollowOwner\w*|\bFOLLOWED\b|\bFOLLOWUPS\b|\bfollow_owner\b": "CascadeProfileStatus, CASCADE_EVENTS",
    # infrastructure
    r"infrastructure[./]crypto\b|\baccept_any_bytes\b|\bany_bytes\b": "security, lenient_codec",
    r"\bnot_noted\b|\bnoted\(|\bmade_by\(|\bnote_alone\b|\bKEPT\b|\bSTATE\b": "push_processed, ...",
    r"\breach\(|\bis_there\(|\bnamed\(|\bbroken_connections\b": "ping, is_available, with_connection_name, ...",
    r"\b_rests\b|\b_obey\b|\bdef look\(url|\bFinding\b|\bTHERE\b|\bSeen\b|\bidle\(": "_is_paused, CheckResult, ...",
    r"(?<!Dead)\bLetter\b|\bWanted\b|\bwhy_not\b|\borigins\(|\.is_whole\b|\.held\(|\bpaced\b|\b_alone\(": "DeadLetter, ...",
    r"\bset_aside\b|\bretry_later\b|\.tell\(": "dead_letter, schedule_retry, publish_event",
    # input ports
    r"\bInHand\b|\bin_hand\b|\bcounting\(|\bmay_ack\b|\.filled\(|\.finished\(": "InFlight, track, drain, ...",
    r"\bOutage\b|\boutage\b": "CircuitBreaker",
    r"\bReplyAddresses\b|\bPrincipals\b|\bEdge\b": "ReplyToPolicy, Authenticator, ...",
    r"\bFollowups\b|\bSource\b": "CascadeConsumer, QueueBinding",
    # pkg, command line, root
    r"\btried_until\b|\bPassing\b|\bbeside\(|\bat_a_signal\b": "retry_until, TransientErrors, ...",
    r"\bQuestions\b|(?<![\w.])answering\(|\banswering_within\b|\b_TALKATIVE\b": "HealthRoutes, serve_health, ...",
    r"(?i)\bhashing_waiting\b|\blettertables\b|\bharmless\(|\bside_by_side\b": "hashing_queue_size, dlq_view, ...",
    r"\bMove\(|\bTally\b|\bhindrance\b|\bexplain(ed|ing)\b|\bOperators\(": "BulkOperation, reporting_errors, ...",
    r"\bDrain\b|\bABANDONED\b|\bStores\.|\bwiring\b|\bdraining\.py\b": "GracefulShutdown, UNACKED, Resources, ...",
    # contracts
    r"(?<![A-Za-z])Refused\b|\bdef refusal\b|\b(Asked|Answered)\b|\bheeds_actor\b": "ErrorReply, RequestT, ...",
    r"\bIMPERSONAL_FIELDS\b": "NON_PERSONAL_FIELDS",
}
IN_TEXTS: Final[dict[str, str]] = {
    r"\bin hand\b": "unacknowledged, in flight",
    r"\bnobody waits\b": "fire-and-forget",
    r"\btakes? turns\b|\bin (its|their) turn\b": "serialised",
    r"\bis nobody\b(?!')|\bdead token\b": "anonymous, an invalid token",
    r"\bfollows? (its|the|their) owner\b": "cascades",
    r"\bname of (a|the) command\b": "idempotency key",
    r"\bvouch(e[sd]|ing)?\b": "signs, verifies",
    r"\bevents?\b.{0,20} \b(is|are|was|were|been) told\b|\btold at least once\b": "published",
    r"\baside\b": "dead-lettered, skipped",
    r"\bhears?\b": "receives, gets",
}
# History keeps its words.
HISTORY: Final = ("CHANGELOG.md", "docs/adr/")


_PRIVATE: Final = re.compile(r"\b_+(?=[A-Za-z])")


@cache
def texts_of(path: Path) -> tuple[str, str]:
    """Return what is written there, and the same with private names as if they were public."""
    text = path.read_text(encoding="utf-8")
    return text, _PRIVATE.sub("", text)


def code() -> Iterator[Path]:
    """Return our modules."""
    for folder in ("service", "contracts/profile_contracts"):
        yield from (ROOT / folder).rglob("*.py")


def documents() -> Iterator[Path]:
    """Return what people read, but for history."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "contracts/README.md"]
    found.append(ROOT / "asyncapi/introduction.md")
    return (each for each in found if not _is_in(each, HISTORY))


def _is_in(path: Path, beginnings: tuple[str, ...]) -> bool:
    return path.relative_to(ROOT).as_posix().startswith(beginnings)


def lines_with(pattern: str, paths: Iterator[Path]) -> list[str]:
    """Return the places where *pattern* occurs, ready to be clicked at; of private names, too."""
    wanted = re.compile(pattern, re.MULTILINE)
    return sorted(
        {
            f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
            for path in paths
            for text in texts_of(path)
            if wanted.search(text)
            for number, line in enumerate(text.splitlines(), 1)
            if wanted.search(line)
        }
    )


@pytest.mark.parametrize("pattern", IN_CODE)
def test_a_name_of_ours_alone_is_not_in_the_code(pattern: str) -> None:
    assert lines_with(pattern, code()) == [], f"say {IN_CODE[pattern]}"


@pytest.mark.parametrize("pattern", IN_TEXTS)
def test_a_phrase_of_ours_alone_is_neither_in_documents_nor_in_the_code(pattern: str) -> None:
    assert lines_with(pattern, documents()) + lines_with(pattern, code()) == [], f"say {IN_TEXTS[pattern]}"


def test_the_table_finds_what_it_is_there_for() -> None:
    assert re.search(
        next(each for each in IN_CODE if "Caller" in each), "async def f(caller: Caller) -> None:"
    )
    assert lines_with(r"\btexts_of_\b", iter([Path(__file__)])) == []
    assert len(lines_with(r"\bPRIVATE\b", iter([Path(__file__)]))) == 2
    assert re.search(next(each for each in IN_TEXTS if "aside" in each), "the message is set aside")
