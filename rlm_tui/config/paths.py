"""Where things lie on the disk: the data home, the config dir, and what is inside them.

Nothing is created until it is needed, and then with mode 0700: sessions hold what was said and read.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_APP = "rlm-tui"
_PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Paths:
    """The two roots. `home` holds all data, `config_dir` the person's `config.toml` and `themes/`."""

    home: Path
    config_dir: Path

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> "Paths":
        """Return the roots: `RLM_TUI_HOME` and `RLM_TUI_CONFIG`, else the platform's own places."""
        environ = os.environ if environ is None else environ
        home = environ.get("RLM_TUI_HOME", "")
        config = environ.get("RLM_TUI_CONFIG", "")
        return cls(
            home=_absolute(home) if home else _platform_dir("data"),
            config_dir=_absolute(config) if config else _platform_dir("config"),
        )

    @property
    def sessions(self) -> Path:
        """One folder a session, named by its id."""
        return self.home / "sessions"

    @property
    def corpora(self) -> Path:
        """Sealed segments of project files, shared by all sessions."""
        return self.home / "corpora"

    @property
    def logs(self) -> Path:
        """Diagnostics: what libraries log, and tracebacks of unexpected errors."""
        return self.home / "logs"

    @property
    def trust_file(self) -> Path:
        """Which project folders the person trusts, and with which content."""
        return self.home / "trust.json"

    @property
    def rules_file(self) -> Path:
        """Permission rules that were kept for single projects."""
        return self.home / "rules.json"

    @property
    def config_file(self) -> Path:
        """The person's `config.toml`."""
        return self.config_dir / "config.toml"

    @property
    def themes(self) -> Path:
        """The person's own themes."""
        return self.config_dir / "themes"

    def make(self, folder: Path) -> Path:
        """Create `folder` and the missing folders above it, private to this user, and return it.

        Raises `OSError`.
        """
        if not folder.is_dir():
            missing = [folder, *(parent for parent in folder.parents if not parent.exists())]
            for directory in reversed(missing):
                directory.mkdir(mode=_PRIVATE, exist_ok=True)
        return folder


def _absolute(text: str) -> Path:
    return Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111 - keeps symlinks as they were given


def _platform_dir(kind: str) -> Path:
    import platformdirs

    if kind == "config":
        return platformdirs.user_config_path(_APP, appauthor=False)
    return platformdirs.user_data_path(_APP, appauthor=False)
