"""Cases of one kind, of which `make test` tries some and `make faults` all."""

import pytest
from _pytest.mark import ParameterSet


def at_length(*values: object) -> list[ParameterSet]:
    """Return *values* for `pytest.mark.parametrize`, as cases for `make faults` only."""
    return [pytest.param(each, marks=pytest.mark.at_length) for each in values]
