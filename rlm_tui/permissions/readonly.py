"""Commands known to change nothing, with the options that would make them do so.

A command counts only by its bare name (a path could lead to another program), with options that are not listed
against it, and with files of the project alone. GNU programs take any unambiguous beginning of a long option, so a
listed option also stands for its beginnings.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlm_tui.permissions.script import Command, Word


@dataclass(frozen=True, slots=True)
class _Program:
    """`long` and `short` options that do more than look; `most` file arguments; whether arguments are files at all.

    `careful` programs would take a file whose name looks like one of those options, so no word of theirs may begin
    with a wildcard.
    """

    long: tuple[str, ...] = ()
    short: str = ""
    most: int = 1_000_000
    files: bool = True

    @property
    def careful(self) -> bool:
        return bool(self.long or self.short or self.most < 1_000_000)


_LOOKS = _Program()
_WORDS = _Program(files=False)
_PROGRAMS: dict[str, _Program] = {
    **dict.fromkeys(
        (
            "cat", "tac", "head", "wc", "ls", "stat", "du", "cut", "nl", "rev", "fold", "expand", "unexpand", "comm",
            "cmp", "paste", "join", "md5sum", "sha1sum", "sha256sum", "sha512sum", "cksum", "sum", "od", "strings",
            "grep", "egrep", "fgrep", "realpath", "readlink", "tail", "size", "nm", "zcat", "column", "test", "[",
        ),
        _LOOKS,
    ),
    **dict.fromkeys(
        ("echo", "true", "false", "pwd", "basename", "dirname", "seq", "uname", "nproc", "arch", "which", "tr", ":",
         "numfmt", "expr", "cal", "sleep"),
        _WORDS,
    ),
    "base64": _Program(("output",), "o"),
    "date": _Program(("set", "file"), "sf", files=False),
    "diff": _Program(("paginate",), "l"),
    "file": _Program(("compile", "magic-file", "files-from"), "Cmf"),
    "find": _Program(("files0-from",)),
    "printf": _Program((), "v", files=False),
    "rg": _Program(("pre", "search-zip", "hostname-bin"), "z"),
    "sort": _Program(("output", "compress-program", "temporary-directory", "files0-from"), "oT"),
    "tree": _Program(("output",), "oR"),
    "uniq": _Program(most=1),
}  # fmt: skip

_FIND_ACTS = ("-exec", "-ok", "-delete", "-fls", "-fprint", "-files0-from")

_GIT_LOOKS = frozenset(
    {
        "status", "diff", "log", "show", "rev-parse", "ls-files", "ls-tree", "blame", "annotate", "shortlog",
        "describe", "grep", "cat-file", "name-rev", "merge-base", "rev-list", "whatchanged", "count-objects",
        "for-each-ref", "show-ref", "diff-tree", "diff-index", "cherry", "version",
    }
)  # fmt: skip
_GIT_ACTS = ("output", "ext-diff", "textconv", "open-files-in-pager", "no-index", "exec", "upload-pack", "filters")
_GIT_LISTS: dict[str, frozenset[str]] = {
    "branch": frozenset({"--show-current", "--list", "-l", "-a", "--all", "-r", "--remotes", "-v", "-vv", "--verbose"}),
    "tag": frozenset({"-l", "--list", "-n"}),
    "remote": frozenset({"-v", "--verbose"}),
    "stash": frozenset({"list"}),
    "worktree": frozenset({"list"}),
    "reflog": frozenset({"show", "-a"}),
}


def why_not_readonly(command: Command, is_readable: Callable[[str], bool]) -> str:
    """Return why `command` may do more than look at the project, an empty string where it cannot.

    `is_readable` tells whether a path, as written, may be read unasked.
    """
    name, words = command.words[0].text, command.words[1:]
    if not command.literal:
        return f"{name} is given words that are only known when it runs"
    if name == "git":
        return _git(words, is_readable)
    if name == "sed":
        return _sed(words, is_readable)
    if name == "command" and words and words[0].text in ("-v", "-V"):
        return ""
    program = _PROGRAMS.get(name)
    if program is None:
        return f"{name} is not known to only look"
    if name == "find" and (why := _find(words)):
        return why
    return _judge(name, words, program, is_readable)


def _judge(name: str, words: Sequence[Word], program: _Program, is_readable: Callable[[str], bool]) -> str:
    if not program.files:
        return _options(name, words, program) or next(
            (f"{word.text} lists files outside the project" for word in words if word.globs and _leads_out(word.text)),
            "",
        )
    if program.careful and any(word.globs and word.text[:1] in "*?[{" for word in words):
        return f"a file's name could be taken for an option of {name}"
    return _options(name, words, program) or _paths(words, program, is_readable)


def _leads_out(text: str) -> bool:
    return text.startswith(("/", "~")) or ".." in text


def _options(name: str, words: Sequence[Word], program: _Program) -> str:
    for word in words:
        text = word.text
        if text == "--":
            break
        if text.startswith("--"):
            given = text[2:].partition("=")[0]
            if any(long.startswith(given) for long in program.long):
                return f"{name} {text} does more than look"
        elif text.startswith("-") and any(letter in program.short for letter in text[1:].partition("=")[0]):
            return f"{name} {text} does more than look"
    return ""


def _paths(words: Sequence[Word], program: _Program, is_readable: Callable[[str], bool]) -> str:
    arguments, ended = 0, False
    for word in words:
        text = word.text
        if text == "--" and not ended:
            ended = True
            continue
        option = text.startswith("-") and text != "-" and not ended
        arguments += not option
        for path in _paths_in(text) if option else [text]:
            if not is_readable(path):
                return f"{path} is not a file of the project that may be read unasked"
    if arguments > program.most:
        return "its last argument is a file that it writes"
    return ""


def _paths_in(option: str) -> list[str]:
    """Return what of an option could be a path: its value after `=`, and what is attached to a short one."""
    values = [option.partition("=")[2]]
    if not option.startswith("--"):
        values.append(option[2:])
    place = re.search(r"[/~]|\.\.", option)
    if place:
        values.append(option[place.start() :])
    return [value for value in values if value]


def _find(words: Sequence[Word]) -> str:
    for word in words:
        if word.text.startswith(_FIND_ACTS):
            return f"find {word.text} does more than look"
    return ""


def _sed(words: Sequence[Word], is_readable: Callable[[str], bool]) -> str:
    """Only `sed -n 1,5p FILE...`: any other script of sed's can write files or run commands."""
    texts = [word.text for word in words]
    if len(texts) < 2 or texts[0] != "-n" or not re.fullmatch(r"\d+(?:,\d+)?p", texts[1]):
        return "sed can write files and run commands"
    if any(text.startswith("-") for text in texts[2:]):
        return "sed is given more options"
    return _judge("sed", words[2:], _Program(most=999), is_readable)


def _git(words: Sequence[Word], is_readable: Callable[[str], bool]) -> str:
    if words and words[0].text == "--no-pager":
        words = words[1:]
    if not words:
        return ""
    name, rest = words[0].text, words[1:]
    if name in ("--version", "--help"):
        return "" if not rest else f"git {name} opens a page"
    if name in _GIT_LISTS:
        odd = [word.text for word in rest if word.text not in _GIT_LISTS[name]]
        first_odd = odd and name in ("branch", "tag", "remote", "reflog", "stash", "worktree")
        must_list = name in ("stash", "worktree") and not rest
        return f"git {name} may change the repository" if first_odd or must_list else ""
    if name not in _GIT_LOOKS:
        return f"git {name} is not known to only look"
    short = "O" if name == "grep" else ""
    program = _Program(_GIT_ACTS, short)
    if why := _options(f"git {name}", rest, program):
        return why
    if any(word.globs and word.text[:1] in "*?[{" for word in rest):
        return "a file's name could be taken for an option of git"
    outside = [word.text for word in rest if _leads_out(word.text) and not _is_range(word.text)]
    return next((f"{text} is outside the project" for text in outside if not is_readable(text)), "")


def _is_range(text: str) -> bool:
    """Tell whether `..` stands between two revisions and not for the folder above."""
    return re.fullmatch(r"[\w.@^~{}/-]*\w\.{2,3}\w[\w.@^~{}/-]*", text) is not None and "../" not in text
