import pytest
from pymongo.errors import AutoReconnect, PyMongoError

from service.infrastructure.mongo.errors import DatabaseUnavailable, translated_errors


@pytest.mark.parametrize(
    "error",
    [
        PyMongoError(),
        AutoReconnect(),
        RuntimeError("cannot wait on un-acquired lock"),
        RuntimeError("Lock is not acquired"),
    ],
)
def test_what_the_driver_cannot_do_is_unavailable(error: Exception) -> None:
    with pytest.raises(DatabaseUnavailable), translated_errors():
        raise error


@pytest.mark.parametrize("error", [RuntimeError("of ours"), NotImplementedError(), KeyError("name")])
def test_a_mistake_of_ours_is_not_hidden(error: Exception) -> None:
    with pytest.raises(type(error)), translated_errors():
        raise error
