"""Which files of a directory belong in its context, in path order, and why the others do not."""

# Names may be no UTF-8 and come by the thousand: plain strings are exact and ten times as fast as `Path`.
# ruff: noqa: PTH110, PTH112, PTH113, PTH118, PTH119, PTH120

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from rlm_tui.context.entry import LeftOut
from rlm_tui.context.gitfiles import git_listing
from rlm_tui.context.ignore_files import IgnoreFiles
from rlm_tui.context.label import label_of, name_of
from rlm_tui.context.secret import is_secret

IGNORED = "ignored"
SECRET = "secret"
GENERATED = "generated tree"
VERSION_CONTROL = "version control"

_VERSION_CONTROL = frozenset({".git", ".hg", ".svn", ".jj", ".bzr", "CVS"})
_GENERATED = frozenset(
    [
        "node_modules",
        "bower_components",
        "jspm_packages",
        "__pycache__",
        ".venv",
        ".tox",
        ".nox",
        ".eggs",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
        ".ipynb_checkpoints",
        ".gradle",
        ".terraform",
        ".next",
        ".nuxt",
        ".svelte-kit",
        ".parcel-cache",
        ".turbo",
        ".cache",
        ".yarn",
        ".pnpm-store",
        ".dart_tool",
        ".bundle",
        ".stack-work",
        ".ccls-cache",
        ".angular",
        "DerivedData",
    ]
)
_MARKERS = frozenset({"CACHEDIR.TAG", "pyvenv.cfg"})  # bford.info/cachedir; PEP 405
_MANY_PATHS = 200  # more than this on git's command line, and listing everything is quicker


class IgnoreRules(Struct, frozen=True):
    """What is left out. `patterns` are further lines as in a `.gitignore`, which decide before any file.

    `secrets=True` lets files in that hold secrets; `use_git=False` never asks git.
    """

    patterns: tuple[str, ...] = ()
    secrets: bool = False
    use_git: bool = True


class Candidate(Struct, frozen=True):
    """A file to read. `name` is relative to the root as the system has it; `label` is its printable form."""

    name: str
    label: str
    size: int
    mtime_ns: int


def list_files(root: Path, rules: IgnoreRules, *, only: Sequence[str] = ()) -> Iterator[Candidate | LeftOut]:
    """Yield every file below `root` that belongs, and every file or tree that does not with its reason.

    git decides where `root` is in a work tree, else `.gitignore` and `.ignore` files at each level do. Version
    control, generated trees, secrets and links are always left out; a tree is one `LeftOut` whose path ends in
    `/`. Links are never followed. `only` keeps to these names and what lies below them. A `root` that is a file
    is itself the one candidate. Yields nothing for a root that does not exist.
    """
    top = os.path.realpath(root)
    if os.path.isfile(top):
        yield _judged(os.path.dirname(top), os.path.basename(top), rules)
        return
    found = _listed(top, rules, tuple(only))
    for name in sorted(found, key=_path_order):
        reason = found[name]
        if reason:
            yield LeftOut(label_of(name), reason)
            continue
        try:
            yield _judged(top, name, rules)
        except OSError as error:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                yield LeftOut(label_of(name), f"unreadable: {error.strerror}")


def list_trees(root: Path, rules: IgnoreRules, *, only: Sequence[str] = ()) -> list[LeftOut]:
    """Return the trees below `root` that are left out, as `list_files` yields them; looks at no single file."""
    top = os.path.realpath(root)
    found = _listed(top, rules, tuple(only))
    return [LeftOut(label_of(name), reason) for name, reason in found.items() if reason and name.endswith("/")]


def list_directories(root: Path, left_out: Sequence[LeftOut], *, starts: Sequence[str] = ("",)) -> list[str]:
    """Return the directories from `starts` (names below `root`) down that are in none of the trees left out.

    Paths are absolute, the starts themselves are among them.
    """
    top = os.path.realpath(root)
    outside = {name_of(item.path)[:-1] for item in left_out if item.path.endswith("/")}
    found: list[str] = []
    waiting = [name for name in starts if name not in outside]
    while waiting:
        directory = waiting.pop()
        found.append(os.path.join(top, directory) if directory else top)
        for entry in _scanned(os.path.join(top, directory)):
            name = f"{directory}/{entry.name}" if directory else entry.name
            if name not in outside and entry.name not in _VERSION_CONTROL and _is_directory(entry):
                waiting.append(name)
    return found


def _listed(top: str, rules: IgnoreRules, only: tuple[str, ...]) -> dict[str, str]:
    """Return names below `top` with the reason to leave them out, empty for files that belong."""
    asked = () if len(only) > _MANY_PATHS or any(_is_in_another(top, name) for name in only) else only
    listing = git_listing(top, asked) if rules.use_git else None
    found = _walked(top, rules, only) if listing is None else _of_git(top, rules, *listing)
    if not only:
        return found
    wanted = set(only)
    return {name: reason for name, reason in found.items() if is_under(name, wanted)}


def _of_git(top: str, rules: IgnoreRules, files: set[str], ignored: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    trees: dict[str, str] = {"": ""}  # directory -> the left-out tree that holds it, or ""
    for name in files:
        directory, _, base = name.rpartition("/")
        if base in _MARKERS and directory:
            trees[directory] = _tree_of(os.path.dirname(directory), trees) or directory
    filters = _own_rules(top, rules, files)
    for name in files:
        directory = name.rstrip("/").rpartition("/")[0]
        if tree := _tree_of(directory, trees):
            found[tree + "/"] = _tree_reason(tree) or GENERATED
        elif name.endswith("/") or _is_real_directory(os.path.join(top, name)):
            inner = name.rstrip("/")
            if tree := _tree_of(inner, trees):
                found[tree + "/"] = _tree_reason(tree) or GENERATED
            else:
                nested = _listed(os.path.join(top, inner), _as_nested(rules, top, inner), ())
                found.update((f"{inner}/{below}", reason) for below, reason in nested.items())
        elif filters and (filters.ignores_tree(directory) or filters.ignores(name, directory=False)):
            found[name] = IGNORED
        else:
            found[name] = ""
    for name in ignored:
        inner = name.rstrip("/")
        if tree := _tree_of(inner if name.endswith("/") else inner.rpartition("/")[0], trees):
            found[tree + "/"] = _tree_reason(tree) or GENERATED
        else:
            found[name] = SECRET if is_secret(name) and not rules.secrets else IGNORED
    for name in _VERSION_CONTROL:
        if os.path.isdir(os.path.join(top, name)):
            found[name + "/"] = VERSION_CONTROL
    return found


def _is_in_another(top: str, name: str) -> bool:
    """git says nothing of a path that lies in a repository inside this one."""
    while name:
        if os.path.lexists(os.path.join(top, name, ".git")):
            return True
        name = name.rpartition("/")[0]
    return False


def _as_nested(rules: IgnoreRules, top: str, inner: str) -> IgnoreRules:
    """A repository inside another asks its own git; a submodule that is not checked out would ask its parent's."""
    own = os.path.exists(os.path.join(top, inner, ".git"))
    return IgnoreRules(rules.patterns, rules.secrets, rules.use_git and own)


def _own_rules(top: str, rules: IgnoreRules, files: set[str]) -> IgnoreFiles | None:
    """git knows nothing of `.ignore` files and of the person's own patterns."""
    if rules.patterns or any(name == ".ignore" or name.endswith("/.ignore") for name in files):
        return IgnoreFiles(top, (".ignore",), rules.patterns)
    return None


def _walked(top: str, rules: IgnoreRules, only: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    wanted = set(only)
    on_the_way = {"/".join(parts[:n]) for parts in (name.split("/") for name in only) for n in range(len(parts))}
    filters = IgnoreFiles(top, (".gitignore", ".ignore"), rules.patterns)
    waiting = [""]
    while waiting:
        directory = waiting.pop()
        entries = _scanned(os.path.join(top, directory))
        if directory and any(entry.name in _MARKERS for entry in entries):
            found[directory + "/"] = GENERATED
            continue
        filters.note(directory, {entry.name for entry in entries})
        ruled = filters.applies(directory)
        for entry in entries:
            name = f"{directory}/{entry.name}" if directory else entry.name
            if wanted and name not in on_the_way and not is_under(name, wanted):
                continue
            if not _is_directory(entry):
                found[name] = _reason(name, rules) if ruled and filters.ignores(name, directory=False) else ""
            elif reason := _tree_reason(name):
                found[name + "/"] = reason
            elif ruled and filters.ignores(name, directory=True):
                found[name + "/"] = IGNORED
            else:
                waiting.append(name)
    return found


def _reason(name: str, rules: IgnoreRules) -> str:
    return SECRET if is_secret(name) and not rules.secrets else IGNORED


def _tree_of(directory: str, trees: dict[str, str]) -> str:
    tree = trees.get(directory)
    if tree is None:
        parent, _, base = directory.rpartition("/")
        tree = _tree_of(parent, trees) or (directory if base in _GENERATED | _VERSION_CONTROL else "")
        trees[directory] = tree
    return tree


def _tree_reason(tree: str) -> str:
    base = tree.rpartition("/")[2]
    if base in _VERSION_CONTROL:
        return VERSION_CONTROL
    return GENERATED if base in _GENERATED else ""


def _judged(top: str, name: str, rules: IgnoreRules) -> Candidate | LeftOut:
    path = os.path.join(top, name)
    status = os.lstat(path)
    label = label_of(name)
    if stat.S_ISLNK(status.st_mode):
        return LeftOut(label, _link_reason(top, path))
    if not stat.S_ISREG(status.st_mode):
        return LeftOut(label, "not a regular file")
    if not rules.secrets and is_secret(name):
        return LeftOut(label, SECRET, status.st_size)
    return Candidate(name, label, status.st_size, status.st_mtime_ns)


def _link_reason(top: str, path: str) -> str:
    target = os.path.realpath(path)
    if not os.path.exists(target):
        return "broken link"
    if target == top or target.startswith(top.rstrip("/") + "/"):
        return f"link to {label_of(os.path.relpath(target, top))}"
    return "link to a place outside"


def _scanned(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError:
        return []


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def is_version_control(name: str) -> bool:
    """Tell whether `name` lies in a directory that belongs to version control itself."""
    return not _VERSION_CONTROL.isdisjoint(name.split("/"))


def _is_real_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def is_under(name: str, wanted: set[str]) -> bool:
    """Tell whether `name` or a directory above it is among `wanted`."""
    name = name.rstrip("/")
    while name:
        if name in wanted:
            return True
        name = name.rpartition("/")[0]
    return False


def _path_order(name: str) -> str:
    """A directory's files come together, before a sibling whose name is longer (`a/b` before `a-b`)."""
    return name.replace("/", "\0")
