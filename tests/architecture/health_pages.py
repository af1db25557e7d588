"""What a worker answers on its health port."""

import re

from tests.documents import ROOT


def health_pages() -> set[str]:
    """Return the paths, as they stand in the code that puts them together."""
    sources = [ROOT / "service" / name for name in ("health.py", "lifecycle.py")]
    return {path for source in sources for path in re.findall(r'"(/[a-z]+)":', source.read_text())}
