"""Places whose change could run something later, or change what rlm-tui may do: writing there always asks.

Shell start files, git's configuration and hooks, editors' and assistants' project settings, and rlm-tui's own rule
files. They hold at any depth and whatever the case of the letters, since some file systems do not tell case apart.
"""

from pathlib import Path, PurePath

_FILES = frozenset(
    {
        ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases", ".profile", ".zshrc", ".zshenv",
        ".zprofile", ".zlogin", ".zlogout", ".kshrc", ".cshrc", ".tcshrc", ".login", ".inputrc", ".xinitrc",
        ".xprofile", ".vimrc", ".exrc", ".nvimrc", ".tmux.conf", ".screenrc", ".gdbinit", ".pdbrc", ".psqlrc",
        ".gitconfig", ".gitmodules", ".gitattributes", ".ripgreprc", ".curlrc", ".wgetrc", ".netrc", ".npmrc",
        ".yarnrc", ".yarnrc.yml", ".pypirc", ".envrc", ".mcp.json", ".pre-commit-config.yaml", "lefthook.yml",
        "rlm-tui.toml", "agents.md", "claude.md", "sitecustomize.py", "usercustomize.py",
    }
)  # fmt: skip
_FOLDERS = frozenset(
    {
        ".vscode", ".idea", ".claude", ".cursor", ".opencode", ".rlm-tui", ".husky", ".devcontainer", ".ssh", ".gnupg",
        ".aws", ".kube", ".docker", ".direnv",
    }
)  # fmt: skip
_GIT = frozenset({"config", "config.worktree", "hooks", "info", "commondir", "gitdir", "alternates"})


def is_protected(path: PurePath) -> bool:
    """Tell whether writing to `path` (absolute, or relative to a project) always asks."""
    parts = [part.casefold() for part in path.parts]
    if not parts:
        return False
    if parts[-1] in _FILES or parts[-1] == ".git" or not _FOLDERS.isdisjoint(parts):
        return True
    if ".git" in parts:
        return not _GIT.isdisjoint(parts[parts.index(".git") + 1 :])
    return ".config" in parts and not {"fish", "autostart", "systemd", "git", "rlm-tui"}.isdisjoint(parts)


def is_inside(path: Path, folder: Path) -> bool:
    """Tell whether the resolved `path` is `folder` or lies in it."""
    return path == folder or folder in path.parents
