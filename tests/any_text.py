"""Any text, for Hypothesis."""

from typing import Final

from hypothesis import strategies as st

# All that UTF-8 can hold: the default of `st.text()`, whose table takes each process 1.5 seconds to make.
CHARACTERS: Final = st.characters(exclude_categories=["Cs"])
TEXT: Final = st.text(CHARACTERS)
