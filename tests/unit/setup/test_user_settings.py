from pathlib import Path

import pytest

from tools.setup.errors import SetupError
from tools.setup.user_settings import uv_settings, without_settings

TOML = """
resolution = "lowest"
no-index = true
cache-dir = "/cache"
[[index]]
url = "http://default"
default = true
[[index]]
url = "http://more"
[[index]]
url = "http://for-one-package-only"
explicit = true
[pip]
target = "/nowhere"
find-links = ["/a", "/b"]
"""


def test_of_a_uv_toml_what_says_where_packages_come_from_is_read(tmp_path: Path) -> None:
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv" / "uv.toml").write_text(TOML)

    assert uv_settings({"XDG_CONFIG_HOME": str(tmp_path)}) == {
        "UV_DEFAULT_INDEX": "http://default",
        "UV_INDEX": "http://more",
        "UV_FIND_LINKS": "/a,/b",
        "UV_NO_INDEX": "1",
        "UV_CACHE_DIR": "/cache",
    }


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "uv.toml"
    file.write_text('index-url = "http://file"\n')
    environment = {"UV_CONFIG_FILE": str(file), "UV_DEFAULT_INDEX": "http://here", "UV_TARGET": "/nowhere"}

    assert uv_settings(environment) == {"UV_DEFAULT_INDEX": "http://here"}
    assert uv_settings({**environment, "UV_NO_CONFIG": "1"}) == {"UV_DEFAULT_INDEX": "http://here"}


def test_the_password_of_an_index_is_kept() -> None:
    given = {"UV_INDEX_OURS_USERNAME": "me", "UV_INDEX_OURS_PASSWORD": "canary", "UV_NO_CONFIG": "1"}

    assert uv_settings(given).keys() == {"UV_INDEX_OURS_USERNAME", "UV_INDEX_OURS_PASSWORD"}


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "uv.toml"
    file.write_text("nonsense")

    with pytest.raises(SetupError, match=r"uv\.toml cannot be read"):
        uv_settings({"UV_CONFIG_FILE": str(file)})


def test_what_is_meant_for_another_python_is_left_out() -> None:
    given = {"PATH": "/bin", "PYTHONPATH": "/x", "PIP_USER": "1", "UV_TARGET": "/x", "VIRTUAL_ENV": "/x"}

    assert without_settings(given) == {"PATH": "/bin"}
