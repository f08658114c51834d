"""What of this program's environment a command may see: a list of names, and never anything that looks like a key."""

import os
from collections.abc import Iterable, Mapping

from rlm_tui.redact import is_key_name, secret_values

_NAMES = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TERM", "VIRTUAL_ENV", "PYENV_ROOT",
        "PYENV_VERSION", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "NVM_DIR", "NODE_PATH", "GOPATH", "GOROOT", "GOFLAGS",
        "CARGO_HOME", "RUSTUP_HOME", "JAVA_HOME", "ANDROID_HOME", "RBENV_ROOT", "GEM_HOME", "DOTNET_ROOT", "CC", "CXX",
        "CFLAGS", "CXXFLAGS", "LDFLAGS", "PKG_CONFIG_PATH", "MAKEFLAGS", "PYTHONPATH", "RUST_BACKTRACE", "CI",
    }
)  # fmt: skip
_QUIET = {
    "TERM": "dumb",
    "NO_COLOR": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "GIT_OPTIONAL_LOCKS": "0",
    "TMPDIR": "/tmp",
}
"""Nobody sits at a command's terminal: no pagers, no prompts, no editors, no colours."""


def command_environment(more: Iterable[str] = (), environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a command: names that tools need, those of `more`, and no value that is a secret."""
    environ = os.environ if environ is None else environ
    secrets = set(secret_values(environ))
    wanted = _NAMES | set(more)
    passed = {
        name: value
        for name, value in environ.items()
        if (name in wanted or name.startswith("LC_")) and not is_key_name(name) and value not in secrets
    }
    return {**passed, **_QUIET}
