"""Does every command have its effect once, and is every reply to it true?"""

import json
from collections import defaultdict
from collections.abc import Iterator

from tests.faults.indexed_history import IndexedHistory

# What a command cannot hear that has had its effect: it would be refused for its own work.
_GONE = {"profile_not_found", "post_not_found"}
_FOR_ITS_OWN_WORK = {"stale_version", *_GONE}


def lost(run: IndexedHistory) -> Iterator[str]:
    """Say which commands were acknowledged, or could not be refused, and have left no trace."""
    for name, sendings in run.asked.items():
        acknowledged, queue = run.acknowledged(name), sendings[0].queue
        is_dead_lettered = name in run.history.dead_lettered  # for a person to look at
        was_told = not any(sent.waits for sent in sendings) and not is_dead_lettered
        if queue.endswith(".delete"):
            life = run.lives.get(sendings[0].body["id"], [])
            has_effect = any(commit.status == "deleted" for commit in life)
        else:
            has_effect = name in run.effects
        if (acknowledged or was_told) and not has_effect:
            yield f"lost: {queue} {name}, {'acknowledged' if acknowledged else 'left with the broker'}"


def dead_lettered(run: IndexedHistory) -> Iterator[str]:
    """Say what is in dead-letter queues for another reason than that workers have died over it."""
    for name, error in run.history.dead_lettered.items():
        if error != "TooManyDeliveries":
            yield f"set aside: {name} because of {error}"


def doubled(run: IndexedHistory) -> Iterator[str]:
    """Say which commands have had their effect more than once."""
    for name, commits in run.effects.items():
        if len(commits) > 1:
            places = ", ".join(f"{each.thing} at version {each.version}" for each in commits)
            yield f"doubled: {run.asked[name][0].queue if run.asked.get(name) else '?'} {name} made {places}"
    deleted = defaultdict(list)
    for name, sendings in run.asked.items():
        if sendings[0].queue.endswith(".delete") and run.acknowledged(name):
            deleted[sendings[0].body["id"]].append(name)
    for thing, names in deleted.items():
        if len(names) > 1:
            yield f"doubled: {thing} was deleted by each of {', '.join(names)}"


def untrue(run: IndexedHistory) -> Iterator[str]:
    """Say which replies tell of something else than what was stored, then or since."""
    for name, commits in run.effects.items():
        stored = {
            (each.thing, each.version)
            for commit in commits
            for each in run.lives[commit.thing]
            if each.version >= commit.version
        }
        for answer in run.acknowledged(name) if name in run.asked else []:
            if (said := (answer.result["id"], answer.result["version"])) not in stored:
                yield f"untrue: {name} is said to be {said[0]} at version {said[1]}"


def differing(run: IndexedHistory) -> Iterator[str]:
    """Say which commands were answered in two ways: a repeat hears of the thing as it is now."""
    for name, sendings in run.asked.items():
        acknowledged = run.acknowledged(name)
        said = {json.dumps(answer.result, sort_keys=True) for answer in acknowledged}
        if len(said) > len({answer.result.get("version") for answer in acknowledged}):
            yield f"differing: {name} has two results of one version"
        known = min((answer.at for answer in acknowledged), default=float("inf"))
        # Whoever is deleted meanwhile may not even ask any more.
        fair = {None, "session_ended"}
        if not sendings[0].queue.endswith(".delete") and _is_gone(run, name):
            fair |= _GONE
        for sent, answer in run.replies(name):
            if sent.at > known and answer.is_final and answer.reason not in fair:
                yield f"differing: {name} was carried out, and asked again it was refused: {answer.reason}"


def _is_gone(run: IndexedHistory, command: str) -> bool:
    """Return whether what *command* was about was deleted."""
    things = {answer.result["id"] for answer in run.acknowledged(command)}
    things |= {commit.thing for commit in run.effects.get(command, [])}
    return any(commit.status == "deleted" for thing in things for commit in run.lives.get(thing, []))


def refused_for_nothing(run: IndexedHistory) -> Iterator[str]:
    """Say which commands were refused for what they have done themselves."""
    wanted = defaultdict(set)
    for name, sendings in run.asked.items():
        wanted[sendings[0].body.get("email", "").lower()].add(name)
    for name, sendings in run.asked.items():
        address, commits = sendings[0].body.get("email", "").lower(), run.effects.get(name, [])
        is_done = bool(commits or run.acknowledged(name))
        fair = set() if sendings[0].queue.endswith(".delete") or not _is_gone(run, name) else _GONE
        for sent, answer in run.replies(name):
            too_late = is_done and answer.reason in _FOR_ITS_OWN_WORK and answer.reason not in fair
            is_own = len(wanted[address]) == 1 or any(commit.at < sent.at for commit in commits)
            if too_late or (answer.reason == "email_taken" and is_own):
                yield f"refused for nothing: {name}, {answer.reason}"


def unasked(run: IndexedHistory) -> Iterator[str]:
    """Say which commits no command has asked for."""
    doomed = {
        sendings[0].body["id"] for sendings in run.asked.values() if sendings[0].queue.endswith(".delete")
    }
    for commit in run.history.commits:
        # Posts are deleted with their owners.
        was_asked = commit.mark in run.asked if commit.mark else doomed & {commit.thing, commit.owner}
        if not was_asked:
            yield f"unasked: {commit.kind} {commit.thing} at version {commit.version}"


def orphans(run: IndexedHistory) -> Iterator[str]:
    """Say which posts are still there although their owners are not."""
    stored = run.history.stored
    for thing, each in stored.items():
        owner = stored.get(each.owner or "")
        if owner and owner.status == "deleted" and each.status == "active":
            yield f"orphan: {thing} is there, and its owner {each.owner} is deleted"
