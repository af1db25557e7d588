"""A history made by hand, as it should be."""

from dataclasses import replace
from typing import Any

from tests.faults.records import Answer, Body, Commit, History, Sent, Stored

ADDRESS = "ada@example.org"
ADA = {"first_name": "Ada", "last_name": "c0-1", "email": ADDRESS, "password": "correct horse battery"}


def ask(history: History, key: str, queue: str, body: Body, reply: Body | str | None, **more: Any) -> None:
    """Note a request and its answer: a result, the reason of a refusal, or nothing."""
    at = float(len(history.sent))
    history.sent.append(replace(Sent(key, 0, queue, body, at, patience=2.0), **more))
    if isinstance(reply, str):
        history.answers.append(Answer(key, refusal(reply), at + 0.5))
    elif reply is not None:
        history.answers.append(Answer(key, {"ok": True, "result": reply}, at + 0.5))


def refusal(reason: str) -> Body:
    """Return a reply that says no."""
    return {"ok": False, "error": {"reason": reason, "retryable": reason == "out_of_time"}}


def commit(history: History, version: int, mark: str | None = None, **more: Any) -> None:
    """Note a version of Ada's profile, and its event."""
    each = replace(Commit("profile", "ada", version, len(history.sent) - 0.7, mark), **more)
    history.commits.append(each)
    happened = {"deleted": "deleted", "active": "created"}.get(each.status or "", "updated")
    tell(history, f"profile.{happened}/{each.thing}/{version}")
    if happened == "deleted":
        tell(history, f"auth.session_revoked/{each.thing}/{version}")
    history.stored[each.thing] = Stored(version, each.status or "active")


def tell(history: History, name: str, body: bytes = b"{}") -> None:
    """Note that an event was heard."""
    history.told.bodies[name].add(body)
    history.told.ids.append(name)


def sound() -> History:
    """Return a history in which a profile is made, changed, read and deleted, some of it twice."""
    history = History()
    ask(history, "1", "profile.create", ADA, {"id": "ada", "version": 1}, command="c0-1")
    commit(history, 1, "c0-1", status="active", address=ADDRESS)
    update = {"id": "ada", "last_name": "c0-2"}
    ask(history, "2", "profile.update", update, None, command="c0-2")
    commit(history, 2, "c0-2")
    ask(history, "3", "profile.update", update, {"id": "ada", "version": 2}, command="c0-2")
    ask(history, "4", "profile.update", {"id": "ada", "last_name": "c0-3"}, None, command="c0-3", waits=False)
    commit(history, 3, "c0-3")
    ask(history, "5", "profile.get", {"id": "ada"}, {"id": "ada", "version": 3})
    ask(history, "6", "profile.update", update, {"id": "ada", "version": 3}, command="c0-2")
    ask(history, "7", "profile.delete", {"id": "ada"}, {"id": "ada", "status": "deleted"}, command="c0-4")
    commit(history, 4, status="deleted")
    ask(history, "8", "profile.get", {"id": "ada"}, "profile_not_found")
    tell(history, "auth.keys_rotated/0")
    return history
