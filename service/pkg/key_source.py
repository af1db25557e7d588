"""Secret keys that come and go while a process runs."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

# Returns the keys that are in use now. The first one is for what is made; what any of them made is accepted.
KeySource: TypeAlias = Callable[[], Sequence[bytes]]
