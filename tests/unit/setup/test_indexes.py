import pytest

from tools.setup.indexes import pip_environment, uv_environment
from tools.setup.user_settings import pip_settings

MIRROR = "http://mirror.example/simple"


def uv_of(pip: dict[str, str], uv: dict[str, str] | None = None, **environment: str) -> dict[str, str]:
    return uv_environment(pip, uv or {}, environment)


@pytest.mark.parametrize(
    ("of_pip", "of_uv"),
    [
        ({"PIP_INDEX_URL": MIRROR}, {"UV_DEFAULT_INDEX": MIRROR}),
        ({"PIP_EXTRA_INDEX_URL": f"{MIRROR} {MIRROR}/2"}, {"UV_INDEX": f"{MIRROR} {MIRROR}/2"}),
        ({"PIP_FIND_LINKS": "/usr /etc"}, {"UV_FIND_LINKS": "/usr,/etc"}),
        ({"PIP_NO_INDEX": "true"}, {"UV_NO_INDEX": "1"}),
        ({"PIP_TRUSTED_HOST": "a b"}, {"UV_INSECURE_HOST": "a b"}),
        ({"PIP_CERT": "/ca.pem"}, {"SSL_CERT_FILE": "/ca.pem"}),
        ({"PIP_CLIENT_CERT": "/me.pem"}, {"SSL_CLIENT_CERT": "/me.pem"}),
        ({"PIP_PROXY": "http://proxy"}, {"HTTP_PROXY": "http://proxy", "HTTPS_PROXY": "http://proxy"}),
        ({"PIP_DEFAULT_TIMEOUT": "180"}, {"UV_HTTP_TIMEOUT": "180"}),
    ],
)
def test_what_is_set_for_pip_holds_for_uv(of_pip: dict[str, str], of_uv: dict[str, str]) -> None:
    assert of_uv.items() <= uv_of(of_pip).items()
    assert uv_of({}).keys().isdisjoint(of_uv)


@pytest.mark.parametrize("off", ["0", "false", "no", "off", ""])
def test_an_index_that_is_not_cut_off_is_asked(off: str) -> None:
    assert "UV_NO_INDEX" not in uv_of({"PIP_NO_INDEX": off})


def test_a_folder_that_is_missing_is_passed_over_as_pip_does() -> None:
    pip = {"PIP_FIND_LINKS": "/nowhere file:///nowhere file:///usr http://mirror.example/files"}

    assert uv_of(pip)["UV_FIND_LINKS"] == "file:///usr,http://mirror.example/files"


def test_what_is_set_for_uv_holds_for_pip() -> None:
    uv = {"UV_INDEX": f"ours={MIRROR}?a=b", "UV_EXTRA_INDEX_URL": f"{MIRROR}?c=d", "UV_INDEX_URL": MIRROR}
    found = pip_environment({}, uv)

    assert found["PIP_INDEX_URL"] == MIRROR
    assert found["PIP_EXTRA_INDEX_URL"] == f"{MIRROR}?a=b {MIRROR}?c=d"


def test_each_tool_keeps_its_own_index() -> None:
    pip, uv = {"PIP_INDEX_URL": "http://for-pip"}, {"UV_DEFAULT_INDEX": "http://for-uv"}

    assert pip_environment(pip, uv)["PIP_INDEX_URL"] == "http://for-pip"
    assert uv_of(pip, uv)["UV_DEFAULT_INDEX"] == "http://for-uv"


def test_neither_reads_its_files_again() -> None:
    assert pip_environment({}, {})["PIP_CONFIG_FILE"] == "/dev/null"
    assert uv_of({})["UV_NO_CONFIG"] == "1"


def test_a_certificate_of_the_environment_goes_first() -> None:
    assert uv_of({"PIP_CERT": "/pip.pem"}, SSL_CERT_FILE="/all.pem")["SSL_CERT_FILE"] == "/all.pem"


def test_of_pips_settings_those_of_the_indexes_are_read_the_nearest_last() -> None:
    listed = r"""
:env:.timeout='3'
global.extra-index-url='http://a\nhttp://b'
global.index-url='http://global'
global.constraint='/constraints'
global.timeout='1'
install.index-url='http://install'
install.timeout='2'
install.user='true'
download.index-url='http://download'
"""

    assert pip_settings(listed) == {
        "PIP_INDEX_URL": "http://install",
        "PIP_EXTRA_INDEX_URL": "http://a http://b",
        "PIP_TIMEOUT": "3",
    }
