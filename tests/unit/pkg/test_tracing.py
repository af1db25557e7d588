import pytest

from service.pkg.tracing import is_installed, is_wanted, open_tracing

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"}, True),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, False),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_wanted_where_it_is_said_where_they_go(
    environment: dict[str, str], *, wanted: bool
) -> None:
    assert is_wanted(environment) is wanted


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "profile-service"),
        ({"OTEL_SERVICE_NAME": "other"}, "other"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=third"}, "third"),
    ],
)
def test_the_service_has_its_own_name_unless_it_is_given_another(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], name: str
) -> None:
    for variable, value in {**ENDPOINT, **variables}.items():
        monkeypatch.setenv(variable, value)
    provider = open_tracing("profile-service", "0.2.0")
    provider.shutdown()

    assert is_installed()
    assert provider.resource.attributes["service.name"] == name
    assert provider.resource.attributes["service.version"] == "0.2.0"
