"""Which addresses of replies are known to do the broker no harm."""

from typing import Final

from service.pkg.direct_replies import PREFIX, DirectReplyKey

# Channels of callers, and nodes of the cluster, that are remembered.
_MOST_PROCESSES: Final = 10_000
_MOST_NODES: Final = 64


class ReplyKeys:
    """Remembers the direct reply-to keys that the broker has taken once: of channels, and of their nodes."""

    def __init__(self) -> None:
        self._processes: dict[str, None] = {}
        self._nodes: set[bytes] = set()

    def are_proven(self, queue: str) -> bool:
        """Return whether a reply to *queue* can be written beside others."""
        if not queue.startswith(PREFIX):
            return True  # any other name is looked up, and either there or not
        key = DirectReplyKey.parse(queue)
        return key is not None and (key.process in self._processes or key.node in self._nodes)

    def forget(self) -> None:
        """Let every key be proven again: a node that is lost takes its keys with it."""
        self._processes.clear()
        self._nodes.clear()

    def prove(self, queue: str) -> None:
        """Remember that the broker has taken a reply to *queue*."""
        if not (key := DirectReplyKey.parse(queue)):
            return
        if len(self._processes) >= _MOST_PROCESSES:
            self._processes.pop(next(iter(self._processes)))
        self._processes[key.process] = None
        if key.node and len(self._nodes) < _MOST_NODES:
            self._nodes.add(key.node)
