"""Secrets masked in any text: values of key-like environment variables, and keys in their well-known formats.

Errors, logs, exports and bundles pass through here. Formats come from the providers' documentation and from
GitHub's list of secret-scanning patterns.
"""

import os
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

MASK = "[redacted]"

_KEY_WORDS = frozenset(
    {"KEY", "APIKEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "PAT", "CREDENTIAL", "CREDENTIALS"}
)
_SHORTEST_VALUE = 8
"""Shorter values would mask ordinary words."""
_SURELY_SECRET = 20
"""A value of this length is a secret even when it holds no digit."""

_FORMATS = re.compile(
    r"""
      (?P<block>-----BEGIN\ [A-Z0-9\ ]{0,30}PRIVATE\ KEY(?:\ BLOCK)?-----.*?(?:-----END[^\n]{0,60}-----|\Z))
    | (?<![A-Za-z0-9])(?:
        sk-(?=[A-Za-z_-]{0,80}[0-9*])[A-Za-z0-9_*-]{12,}       # OpenAI, Anthropic, OpenRouter, DeepSeek
      | (?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}            # Stripe
      | AIza[A-Za-z0-9_-]{30,}                                 # Google
      | ya29\.[A-Za-z0-9_-]{20,}                               # Google OAuth
      | gsk_[A-Za-z0-9]{20,}                                   # Groq
      | hf_[A-Za-z0-9]{20,}                                    # Hugging Face
      | xai-[A-Za-z0-9]{20,}                                   # xAI
      | pplx-[A-Za-z0-9]{20,}                                  # Perplexity
      | r8_[A-Za-z0-9]{20,}                                    # Replicate
      | nvapi-[A-Za-z0-9_-]{20,}                               # NVIDIA
      | gh[pousr]_[A-Za-z0-9]{20,}                             # GitHub
      | github_pat_[A-Za-z0-9_]{20,}
      | glpat-[A-Za-z0-9_-]{16,}                               # GitLab
      | (?:AKIA|ASIA)[A-Z0-9]{16}                              # AWS access key id
      | xox[abeoprs]-[A-Za-z0-9-]{10,}                         # Slack
      | npm_[A-Za-z0-9]{30,}
      | pypi-[A-Za-z0-9_-]{30,}
      | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}   # JSON Web Token
    )
    | (?P<bearer>\b[Bb]earer\ +)[A-Za-z0-9._~+/=-]{8,}
    | (?P<header>\b(?i:x-api-key|api-key|authorization)["']?\s{0,3}[:=]\s{0,3}["']?(?:Basic\ +)?)
      (?![Bb]earer\b|[Bb]asic\b)(?=[A-Za-z._~+/=-]{0,80}[0-9])[A-Za-z0-9._~+/=-]{8,}
    | (?P<user>[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,100}:)[^\s/@]{3,200}(?=@)
    """,
    re.VERBOSE | re.DOTALL,
)


_entered: set[str] = set()


def also_secret(value: str) -> None:
    """Mask this value too from now on: a key that a person entered, which stands in no environment."""
    if len(value) >= _SHORTEST_VALUE:
        _entered.add(value)


def redact(text: str, environ: Mapping[str, str] | None = None) -> str:
    """Return `text` with secrets replaced by `[redacted]`; the words around them stay.

    Masked are the values of variables of `environ` (the process's own by default) whose names say key, token, secret
    or password, and strings in the formats of well-known keys.
    """
    for value in secret_values(os.environ if environ is None else environ):
        if value in text:
            text = text.replace(value, MASK)
    return _FORMATS.sub(_masked, text)


class Secret(NamedTuple):
    """Where a secret stands in a text, half-open in characters, and what kind it is, in words."""

    start: int
    end: int
    what: str


_MAY_HOLD = (
    r"sk-|k_(?:live|test)_|AIza|ya29\.|gsk_|hf_|xai-|pplx-|r8_|nvapi-|gh[pousr]_|github_pat_|glpat-|AKIA|ASIA|xox"
    r"|npm_|pypi-|eyJ|earer|(?i:api-key|authorization)|PRIVATE|://[^\s/:@]{0,100}:[^\s/@]{3,200}@"
)


@lru_cache(maxsize=1)
def quick_check() -> Callable[[bytes], object]:
    """Return a check, linear and quick, of whether a JSON text may hold something in a known format in its strings.

    What it answers is false where there is certainly nothing. The formats' exact rules look at characters around,
    which JSON writes differently, so they are for the strings themselves.
    """
    import re2

    check: Callable[[bytes], object] = re2.compile(_MAY_HOLD).search
    return check


def secrets_in(text: str, values: Mapping[str, str]) -> list[Secret]:
    """Return the secrets in `text` in order, none within another; `values` names the known values.

    What `redact` replaces, `secrets_in` finds.
    """
    found = []
    for value, name in values.items():
        place = text.find(value)
        while place >= 0:
            found.append(Secret(place, place + len(value), f"value of {name}"))
            place = text.find(value, place + len(value))
    for match in _FORMATS.finditer(text):
        kept = match["bearer"] or match["header"] or match["user"] or ""
        found.append(Secret(match.start() + len(kept), match.end(), _kind_of(match)))
    result: list[Secret] = []
    for secret in sorted(found, key=lambda secret: (secret.start, -secret.end)):
        if not result or secret.start >= result[-1].end:
            result.append(secret)
        elif secret.end > result[-1].end:
            result[-1] = result[-1]._replace(end=secret.end)
    return result


def _kind_of(match: re.Match[str]) -> str:
    if match["block"]:
        return "private key"
    if match["bearer"]:
        return "bearer token"
    if match["header"]:
        return "key in a header"
    return "password in an address" if match["user"] else "key in a known format"


def named_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the values that look like secrets, longest first, each with what to call it."""
    names = {value: name for name, value in sorted(environ.items(), reverse=True)}
    return {value: names.get(value, "an entered key") for value in secret_values(environ)}


def secret_values(environ: Mapping[str, str]) -> list[str]:
    """Return the values in `environ` that look like secrets, and the entered keys; longest first, so that none hides
    a part of another.
    """
    values = {value for name, value in environ.items() if is_key_name(name) and _looks_secret(value)} | _entered
    return sorted(values, key=lambda value: (-len(value), value))


def is_key_name(name: str) -> bool:
    """Tell whether a variable or header of this name holds a secret: `OPENAI_API_KEY`, `GH_TOKEN`, `x-api-key`."""
    return not _KEY_WORDS.isdisjoint(name.upper().replace("-", "_").split("_"))


def _looks_secret(value: str) -> bool:
    """Numbers, paths and plain words such as `lm-studio` (what people set for servers without keys) are no secrets."""
    return (
        len(value) >= _SHORTEST_VALUE
        and not value.isdigit()
        and not value.startswith(("/", "~", "./"))
        and (len(value) >= _SURELY_SECRET or any(character.isdigit() for character in value))
    )


def _masked(match: re.Match[str]) -> str:
    return (match["bearer"] or match["header"] or match["user"] or "") + MASK
