"""Reads what the user has set for pip and for uv, as far as it says where packages come from.

What else is set for daily work (PIP_TARGET, PIP_REQUIRE_VIRTUALENV, constraints, UV_RESOLUTION ...) would
make another environment than the lock says, or none.
"""

import ast
import os
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tools.setup.errors import SetupError
from tools.setup.indexes import given

_PIP_KEYS: Final = {
    "index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "cert", "client-cert", "proxy",
    "timeout", "default-timeout", "retries", "cache-dir", "no-cache-dir", "keyring-provider",
}  # fmt: skip
_UV_VARIABLES: Final = {
    "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS",
    "UV_INSECURE_HOST", "UV_KEYRING_PROVIDER", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_CACHE_DIR",
    "UV_NO_CACHE", "UV_LINK_MODE", "UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES", "UV_CONCURRENT_DOWNLOADS",
}  # fmt: skip

_FAMILIES: Final = ("PIP_", "UV_", "PYTHON", "VIRTUAL_ENV", "CONDA_", "__PYVENV", "SETUPTOOLS_", "DISTUTILS_")


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return *environment* without what is meant for another Python, pip, uv or build than ours."""
    return {name: value for name, value in environment.items() if not name.startswith(_FAMILIES)}


def ask_pip(python: Path) -> dict[str, str]:
    """Return what is taken over of what the pip of *python* reads in files and environment.

    Raises:
        SetupError: pip cannot read it.

    """
    command = [str(python), "-E", "-s", "-m", "pip", "config", "list"]
    of_pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    environment = without_settings(os.environ) | of_pip
    said = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if said.returncode != 0:
        reason = (said.stderr.strip().splitlines() or ["it does not say why"])[-1]
        msg = f"pip cannot read its settings ({reason}): mend pip.conf, or the PIP_ variables."
        raise SetupError(msg)
    return pip_settings(said.stdout)


def pip_settings(config_list: str) -> dict[str, str]:
    """Return what is taken over of *config_list*, the output of `pip config list`, as pip's variables.

    A command's section goes before `[global]`, and the environment before both.
    """
    found: dict[str, str] = {}
    for section in ("global.", "install.", ":env:."):
        for line in config_list.splitlines():
            key, equals, value = line.partition("=")
            name = key.removeprefix(section)
            if equals and key.startswith(section) and name in _PIP_KEYS:
                words = str(ast.literal_eval(value)).split()
                found[f"PIP_{name.upper().replace('-', '_')}"] = " ".join(words)
    return found


def uv_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what is taken over of *environment* and of the uv.toml files it leads to, as uv's variables.

    Raises:
        SetupError: One of the files cannot be read.

    """
    of_an_index = {name for name in environment if name.startswith("UV_INDEX_")}
    wanted = (_UV_VARIABLES | of_an_index) & set(environment)
    return _of_files(_uv_files(environment)) | {name: environment[name] for name in wanted}


def _uv_files(environment: Mapping[str, str]) -> list[Path]:
    """Return the machine's and then the user's file, which goes before it."""
    if environment.get("UV_NO_CONFIG"):
        return []
    if named := environment.get("UV_CONFIG_FILE"):
        return [Path(named)]
    user = environment.get("XDG_CONFIG_HOME") or f"{environment.get('HOME', '')}/.config"
    return [Path("/etc/uv/uv.toml"), Path(user) / "uv" / "uv.toml"]


def _of_files(files: Iterable[Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in files:
        try:
            found |= _of_tables(tomllib.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            msg = f"{file} cannot be read ({error}): mend it."
            raise SetupError(msg) from error
    return found


def _of_tables(tables: Mapping[str, Any]) -> dict[str, str]:
    tables = {**tables, **tables.get("pip", {})}
    indexes = [each for each in tables.get("index", []) if not each.get("explicit")]
    default = [each["url"] for each in indexes if each.get("default")]
    extra = [each["url"] for each in indexes if not each.get("default")]
    return given({
        "UV_DEFAULT_INDEX": default[0] if default else tables.get("index-url", ""),
        "UV_INDEX": " ".join([*extra, *tables.get("extra-index-url", [])]),
        "UV_FIND_LINKS": ",".join(tables.get("find-links", [])),
        "UV_NO_INDEX": "1" if tables.get("no-index") else "",
        "UV_INSECURE_HOST": " ".join(tables.get("allow-insecure-host", [])),
        "UV_KEYRING_PROVIDER": tables.get("keyring-provider", ""),
        "UV_NATIVE_TLS": "1" if tables.get("native-tls") else "",
        "UV_CACHE_DIR": tables.get("cache-dir", ""),
        "UV_LINK_MODE": tables.get("link-mode", ""),
    })  # fmt: skip
