"""One command in bubblewrap: the system read-only, homes and sockets hidden, the project writable but for what could
run later, no network, no capabilities, no processes but its own.

The order of the arguments matters: what comes later covers what came before.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rlm_tui.permissions.places import is_protected

_HIDDEN_FOLDERS = (
    "/home",
    "/root",
    "/run",
    "/mnt",
    "/media",
    "/srv",
    "/var/tmp",
    "/var/run",
    "/var/spool",
    "/var/mail",
)
_HIDDEN_FILES = ("/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-", "/etc/sudoers", "/etc/krb5.keytab")
_HIDDEN_TREES = ("/etc/ssh", "/etc/ssl/private", "/etc/sudoers.d", "/var/lib/docker", "/var/lib/containers")
_TOOLCHAINS = (
    ".pyenv", ".cargo/bin", ".cargo/registry", ".rustup", ".nvm", ".volta", ".bun", ".deno", ".local/bin", ".local/lib",
    ".local/pipx", ".local/share/uv", ".local/share/pipx", ".local/share/mise", ".asdf", ".rbenv", ".sdkman", "go",
    ".nix-profile", "miniconda3", "anaconda3", ".conda",
)  # fmt: skip
"""Folders of a home that hold programs; they are shown, read-only."""
_GIT_PARTS = ("config", "config.worktree", "hooks", "info", "commondir", "modules", "worktrees")
_LIMITS = "ulimit -S -c 0; ulimit -u 4096 2>/dev/null; "


@dataclass(frozen=True, slots=True)
class Box:
    """A project's sandbox. `scratch` becomes `/tmp`; `hidden` are folders that no command may see (our own data).

    `modern` is whether bubblewrap knows `--disable-userns` (0.8 and later).
    """

    project: Path
    scratch: Path
    hidden: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    network: bool = False
    modern: bool = True
    program: str = field(default_factory=lambda: shutil.which("bwrap") or "bwrap")

    def wrap(self, command: Sequence[str], *, git: bool = False) -> list[str]:
        """Return the command line that runs `command` in the project, confined.

        `git` lets it write the repository's objects, index and branches; configuration and hooks stay read-only.
        """
        return [*self._arguments(git=git), "--", "/bin/sh", "-c", f'{_LIMITS}exec "$@"', "sh", *command]

    def _arguments(self, *, git: bool) -> list[str]:
        arguments = [self.program, "--unshare-user", "--unshare-all", "--die-with-parent", "--new-session"]
        arguments += ["--cap-drop", "ALL"]
        arguments += ["--share-net"] if self.network else []
        arguments += ["--disable-userns"] if self.modern else []
        arguments += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
        arguments += self._hiding()
        arguments += ["--bind", str(self.scratch), "/tmp"]
        inside = [place for place in self.hidden if place.is_relative_to(self.project)]
        arguments += self._covering([place for place in self.hidden if place not in inside])
        arguments += self._programs()
        for place in (self.project, *self.writable):
            if place.exists():
                arguments += ["--bind", str(place), str(place)]
        arguments += self._protecting(git=git)
        arguments += self._covering(inside)
        return [*arguments, "--chdir", str(self.project)]

    @staticmethod
    def _covering(places: Sequence[Path]) -> list[str]:
        return [word for place in places if place.is_dir() for word in ("--tmpfs", str(place))]

    def _hiding(self) -> list[str]:
        arguments: list[str] = []
        for name in dict.fromkeys([*_HIDDEN_FOLDERS, str(Path.home())]):
            path = Path(name)
            if path.is_dir() and not path.is_symlink() and path != Path("/"):
                arguments += ["--tmpfs", name]
        for name in _HIDDEN_TREES:
            if Path(name).is_dir():
                arguments += ["--tmpfs", name]
        for name in _HIDDEN_FILES:
            if Path(name).is_file():
                arguments += ["--ro-bind", "/dev/null", name]
        if self.network and Path("/run/systemd/resolve").is_dir():
            arguments += ["--ro-bind", "/run/systemd/resolve", "/run/systemd/resolve"]
        return arguments

    def _programs(self) -> list[str]:
        """Show the folders of the home that hold programs, and the active virtual environment."""
        home = Path.home()
        places = [home / name for name in _TOOLCHAINS]
        places += [Path(os.environ[name]) for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if os.environ.get(name)]
        arguments: list[str] = []
        for place in places:
            if place.is_dir() and not is_protected(place.relative_to(home) if place.is_relative_to(home) else place):
                arguments += ["--ro-bind", str(place), str(place)]
        return arguments

    def _protecting(self, *, git: bool) -> list[str]:
        """Keep from changing what could run later. Being mounted also keeps it from being moved out of the way."""
        arguments: list[str] = []
        try:
            names = sorted(os.listdir(self.project))  # noqa: PTH208 - names alone
        except OSError:
            names = []
        for name in names:
            path = self.project / name
            if path.is_symlink() or name == ".git" or not is_protected(Path(name)):
                continue
            arguments += ["--ro-bind", str(path), str(path)]
        repository = self.project / ".git"
        if repository.is_dir() and not repository.is_symlink():
            kind = "--bind" if git else "--ro-bind"
            arguments += [kind, str(repository), str(repository)]
            if git:
                for part in _GIT_PARTS:
                    path = repository / part
                    if path.exists() and not path.is_symlink():
                        arguments += ["--ro-bind", str(path), str(path)]
                if not (repository / "hooks").exists():
                    arguments += ["--perms", "0555", "--tmpfs", str(repository / "hooks")]
        elif repository.is_file() and not repository.is_symlink():
            arguments += ["--ro-bind", str(repository), str(repository)]
        return arguments


def protected_names(project: Path) -> frozenset[str]:
    """Return the names directly in `project` whose change could run something later, as they are there now."""
    try:
        return frozenset(name for name in os.listdir(project) if is_protected(Path(name)))  # noqa: PTH208 - names alone
    except OSError:
        return frozenset()
