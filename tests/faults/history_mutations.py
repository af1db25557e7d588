"""What can be wrong with a history made by hand, one function for each, and what the checker says to it."""

from collections.abc import Callable
from dataclasses import replace

from tests.faults.records import Answer, History, Stored
from tests.faults.sample_history import ADA, ask, refusal, tell


def lose_a_change(history: History) -> None:
    """Let c0-3, which nobody waited for, leave no trace."""
    del history.commits[2]


def set_one_aside(history: History) -> None:
    """Let c0-3 have failed for a reason of its own."""
    history.dead_lettered["c0-3"] = "KeyError"


def lose_a_deletion(history: History) -> None:
    """Let the deletion leave no trace."""
    del history.commits[3]


def do_it_twice(history: History) -> None:
    """Let c0-2 have its effect again."""
    history.commits[2] = replace(history.commits[2], mark="c0-2")


def delete_it_twice(history: History) -> None:
    """Let two commands have deleted it."""
    deleted = {"id": "ada", "status": "deleted"}
    ask(history, "9", "profile.delete", {"id": "ada"}, deleted, command="c0-5")


def boast(history: History) -> None:
    """Tell of a version that was never stored."""
    history.answers[1] = replace(history.answers[1], body={"ok": True, "result": {"id": "ada", "version": 9}})


def answer_otherwise(history: History) -> None:
    """Answer c0-2 otherwise when it comes again, although nothing has changed."""
    result = {"id": "ada", "version": 2, "first_name": "Byron"}
    history.answers[3] = replace(history.answers[3], body={"ok": True, "result": result})


def refuse_it_later(history: History) -> None:
    """Refuse c0-1 when it comes again."""
    ask(history, "9", "profile.create", ADA, "email_taken", command="c0-1")


def refuse_its_own_work(history: History) -> None:
    """Refuse c0-2 because of a version that is its own."""
    history.answers[1] = replace(history.answers[1], body=refusal("stale_version"))
    del history.answers[3]


def change_by_itself(history: History) -> None:
    """Let a change come of nothing."""
    history.commits[2] = replace(history.commits[2], mark="somebody else")


def delete_by_itself(history: History) -> None:
    """Let nobody have deleted it."""
    history.sent[6] = replace(history.sent[6], body={"id": "another"})


def leave_a_post(history: History) -> None:
    """Let a post of hers be there after her."""
    history.stored["post"] = Stored(1, "active", owner="ada")


def leave_a_gap(history: History) -> None:
    """Let version 3 be version 5."""
    history.commits[2] = replace(history.commits[2], version=5)


def forget_the_end(history: History) -> None:
    """Let another version be there in the end."""
    history.stored["ada"] = Stored(3, "active")


def make_it_unseen(history: History) -> None:
    """Let something be there that nobody has made."""
    history.stored["bob"] = Stored(1, "active")


def share_the_address(history: History) -> None:
    """Give her address to another profile, while she has it."""
    other = replace(history.commits[0], thing="bob")
    history.commits.insert(1, other)


def read_backward(history: History) -> None:
    """Read version 2 after version 3."""
    ask(history, "5b", "profile.get", {"id": "ada"}, {"id": "ada", "version": 2})


def answer_with_what_was(history: History) -> None:
    """Answer c0-2, when it comes again, with the profile as it was."""
    history.answers[3] = replace(history.answers[3], body={"ok": True, "result": {"id": "ada", "version": 2}})


def see_the_dead(history: History) -> None:
    """Find in a list what was deleted."""
    ask(history, "9", "profile.list", {}, {"items": [{"id": "ada", "version": 3}]})


def tell_nothing(history: History) -> None:
    """Tell nothing of version 2."""
    del history.told.bodies["profile.updated/ada/2"]


def tell_stories(history: History) -> None:
    """Tell of a version that is not there."""
    tell(history, "profile.updated/ada/5")


def tell_in_two_ways(history: History) -> None:
    """Tell the same event with another body."""
    tell(history, "profile.updated/ada/2", b'{"time": "another"}')


def tell_too_soon(history: History) -> None:
    """Tell of version 3 before version 2."""
    ids = history.told.ids
    ids[1], ids[2] = ids[2], ids[1]


def answer_nothing(history: History) -> None:
    """Leave somebody without an answer who set no limit."""
    ask(history, "9", "post.create", {"title": "c0-5"}, None, command="c0-5", patience=None)


def give_up_early(history: History) -> None:
    """Refuse for being late what is not late."""
    ask(history, "9", "post.create", {"title": "c0-5"}, "out_of_time", command="c0-5")


def set_a_limit_of_our_own(history: History) -> None:
    """Refuse for being late what its caller has set no limit to."""
    ask(history, "9", "post.create", {"title": "c0-5"}, "out_of_time", command="c0-5", patience=None)


def answer_nobody(history: History) -> None:
    """Send a reply that nobody waits for."""
    history.answers.append(Answer("nobody's", {"ok": True, "result": {}}, 9.0))


MUTATIONS: dict[Callable[[History], None], str] = {
    lose_a_change: "lost: profile.update c0-3, left with the broker",
    set_one_aside: "set aside: c0-3 because of KeyError",
    lose_a_deletion: "lost: profile.delete c0-4, acknowledged",
    do_it_twice: "doubled: profile.update c0-2 made ada at version 2, ada at version 3",
    delete_it_twice: "doubled: ada was deleted by each of c0-4, c0-5",
    boast: "untrue: c0-2 is said to be ada at version 9",
    answer_otherwise: "differing: c0-2 has two results of one version",
    refuse_it_later: "differing: c0-1 was carried out, and asked again it was refused: email_taken",
    refuse_its_own_work: "refused for nothing: c0-2, stale_version",
    change_by_itself: "unasked: profile ada at version 3",
    delete_by_itself: "unasked: profile ada at version 4",
    leave_a_post: "orphan: post is there, and its owner ada is deleted",
    leave_a_gap: "gap: ada had the versions [1, 2, 5, 4]",
    forget_the_end: "gap: ada was at version 4, and now it is at 3",
    make_it_unseen: "gap: bob is there, and nobody saw it made",
    share_the_address: "shared address: bob took ada@example.org from ada",
    answer_with_what_was: "backward: client 0 read ada at version 2 after 3",
    read_backward: "backward: client 0 read ada at version 2 after inf",
    see_the_dead: "backward: client 0 read ada at version 3 after inf",
    tell_nothing: "untold: profile.updated/ada/2",
    tell_stories: "untrue event: profile.updated/ada/5 is of no commit",
    tell_in_two_ways: "untrue event: profile.updated/ada/2 was told in 2 ways",
    tell_too_soon: "out of order: profile.updated/ada/2 came after version 3",
    answer_nothing: "unanswered: post.create 9 (c0-5)",
    give_up_early: "unanswered: 9 was given up before its time",
    set_a_limit_of_our_own: "unanswered: 9 was given up before its time",
    answer_nobody: "unanswered: a reply to nobody's, which nobody sent",
}
