"""From a server's settings to how it is started: variables filled in, and an environment without keys.

A server sees a short list of harmless variables (`PATH`, `HOME`, language, ...) and what its `env` gives it. A value
such as `${GITHUB_TOKEN}` is taken from this program's own environment, so that no key need stand in a file.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from rlm_tui.config.settings import McpSettings
from rlm_tui.errors import ConfigError
from rlm_tui.mcp_client.facts import Launch
from rlm_tui.redact import MASK, is_key_name, secret_values

_INHERITED = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LANGUAGE", "TZ", "TMPDIR"}
    | {"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"}
    | {"SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "VIRTUAL_ENV"}
)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")


def launch_of(name: str, settings: McpSettings, project: Path, environ: Mapping[str, str]) -> Launch:
    """Return how the server `name` is started or reached. Raises `ConfigError` that says what its settings lack."""
    table = f"[mcp.{name}]"
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{table}: a server's name has at most 32 letters, digits, `-` and `_`; rename it.")
    command = (*settings.command, *settings.args)
    if bool(settings.command) == bool(settings.url):
        what = "has both `command` and `url`: keep one" if settings.url else "has neither `command` nor `url`: give one"
        raise ConfigError(f"{table} {what}.")
    if settings.url and urlsplit(settings.url).scheme not in ("http", "https"):
        raise ConfigError(f"{table}: `url` must be an http or https address.")
    given = {key: _filled(value, environ, f"{table} env.{key}") for key, value in settings.env.items()}
    return Launch(
        name=name,
        project=project,
        command=command if settings.command else (),
        env={**inherited(environ), **given},
        url=settings.url,
        headers={key: _filled(value, environ, f"{table} headers.{key}") for key, value in settings.headers.items()},
        start_timeout=settings.start_timeout,
        timeout=settings.timeout,
    )


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that every server may see."""
    return {key: value for key, value in environ.items() if key in _INHERITED or key.startswith("LC_")}


def secrets_of(launch: Launch, environ: Mapping[str, str]) -> list[str]:
    """Return the secrets that a server could echo, longest first: this program's keys and those it was given."""
    given = {key: value for key, value in {**launch.env, **launch.headers}.items() if is_key_name(key)}
    bearers = [value.split(" ", 1)[1] for value in launch.headers.values() if value.lower().startswith("bearer ")]
    values = {*secret_values(environ), *secret_values(given), *(value for value in bearers if len(value) >= 8)}
    return sorted(values, key=lambda value: (-len(value), value))


def masked(text: str, secrets: list[str]) -> str:
    """Return `text` with each secret replaced."""
    for value in secrets:
        if value in text:
            text = text.replace(value, MASK)
    return text


def _filled(value: str, environ: Mapping[str, str], where: str) -> str:
    def fill(match: re.Match[str]) -> str:
        found = environ.get(match[1])
        if found is None:
            raise ConfigError(f"{where} names ${{{match[1]}}}, which is not set: set it, or take it out.")
        return found

    return _VARIABLE.sub(fill, value)
