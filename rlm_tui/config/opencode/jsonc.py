"""JSON with comments and trailing commas, as OpenCode's settings are written."""

import json
import re
from typing import Any

from rlm_tui.errors import ConfigError

_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])', re.DOTALL)


def parse_jsonc(text: str, where: str) -> dict[str, Any]:
    """Return the object that a text holds. Raises `ConfigError` with file and line.

    Comments become spaces, so that lines stay where they are.
    """
    plain = _blanked(_blanked(text.removeprefix("\ufeff")))  # a comma may stand before a comment
    try:
        data = json.loads(plain)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{where}:{error.lineno}: is not valid JSON ({error.msg}).") from None
    except RecursionError:
        raise ConfigError(f"{where}: is nested too deeply.") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{where}: holds no object of settings.")
    return data


def _blanked(text: str) -> str:
    def blank(match: re.Match[str]) -> str:
        found = match[0]
        return found if found.startswith('"') else re.sub(r"[^\n]", " ", found)

    return _TOKEN.sub(blank, text)
