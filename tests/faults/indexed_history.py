"""A history by what belongs together."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.faults.records import Answer, Commit, History, Sent


@dataclass(slots=True)
class IndexedHistory:
    """A history by commands, sendings and things.

    Attributes:
        asked: What was sent of each command.
        answers: What came back to each sending.
        effects: The commits that bear the mark of each command.
        lives: The commits of each thing.

    """

    history: History
    asked: Mapping[str, list[Sent]] = field(default_factory=lambda: defaultdict(list))
    answers: Mapping[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    effects: Mapping[str, list[Commit]] = field(default_factory=lambda: defaultdict(list))
    lives: Mapping[str, list[Commit]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        """Put it in order."""
        for sent in self.history.sent:
            if sent.command:
                self.asked[sent.command].append(sent)
        for answer in self.history.answers:
            self.answers[answer.key].append(answer)
        for commit in self.history.commits:
            self.lives[commit.thing].append(commit)
            if commit.mark:
                self.effects[commit.mark].append(commit)

    def replies(self, command: str) -> list[tuple[Sent, Answer]]:
        """Return every answer to a command, and what it answers."""
        return [(sent, answer) for sent in self.asked[command] for answer in self.answers.get(sent.key, [])]

    def acknowledged(self, command: str) -> list[Answer]:
        """Return every answer to a command that says that it was carried out."""
        return [answer for _, answer in self.replies(command) if answer.result]
