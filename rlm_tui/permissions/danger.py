"""Commands that people regret: they ask even where a broad rule or mode would let them run, and say why."""

from rlm_tui.permissions.script import Command, Script, read_script

_SHELLS = frozenset({"sh", "bash", "zsh", "dash", "ksh", "fish"})
_WRAPPERS = frozenset(
    {"sudo", "doas", "env", "nohup", "nice", "ionice", "time", "timeout", "xargs", "command", "exec", "builtin",
     "setsid", "stdbuf", "busybox", "unbuffer", "chronic"}
)  # fmt: skip
_FETCHERS = frozenset({"curl", "wget", "fetch"})
_DISKS = frozenset({"dd", "fdisk", "parted", "wipefs", "shred", "mkswap", "sgdisk"})
_ROOT_MAKERS = frozenset({"sudo", "doas", "su", "pkexec"})
_DEPTH = 4


def all_commands(script: Script, depth: int = 0) -> list[tuple[str, ...]]:
    """Return the words of every command that `script` names: also behind `sudo`, `env` and the like, by the program's
    name without its folder, and in the texts given to `sh -c`, `eval` and `trap`."""
    found: list[tuple[str, ...]] = []
    for command in script.commands:
        words = tuple(word.text for word in command.words)
        found += _views(words)
        if depth < _DEPTH:
            for text in _inner(command):
                found += all_commands(read_script(text), depth + 1)
    return found


def _views(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    views = [words]
    bare = (words[0].rsplit("/", 1)[-1].lstrip("\\"), *words[1:])
    if bare != words:
        views.append(bare)
    if bare[0] in _WRAPPERS:
        rest = bare[1:]
        for start in range(len(rest)):
            if not rest[start].startswith("-") and "=" not in rest[start]:
                views += _views(rest[start:])
                break
        if bare[0] in ("timeout", "nice", "ionice", "xargs", "stdbuf", "sudo"):  # an option's value may come before
            views += [rest[start:] for start in range(1, min(len(rest), 6)) if rest[start : start + 1]]
    return views


def _inner(command: Command) -> list[str]:
    """Return the scripts among a command's words."""
    words = [word.text for word in command.words]
    for view in _views(tuple(words)):
        name = view[0]
        if name in _SHELLS:
            return [view[i + 1] for i, word in enumerate(view[:-1]) if word.startswith("-") and word.endswith("c")]
        if name == "eval":
            return [" ".join(view[1:])]
        if name == "trap" and len(view) > 1:
            return [view[1]]
    return []


def danger(script: Script) -> str:
    """Return what is dangerous about `script` as the end of a sentence, an empty string where nothing is known."""
    commands = all_commands(script)
    names = [words[0] for words in commands]
    for words in commands:
        if why := _danger(words):
            return why
    for earlier, later in zip(script.commands, script.commands[1:], strict=False):
        if earlier.words[0].text in _FETCHERS and later.words[0].text in _SHELLS:
            return "it runs what it fetches from the network"
    return "it acts as the administrator" if not _ROOT_MAKERS.isdisjoint(names) else ""


def _danger(words: tuple[str, ...]) -> str:
    name, rest = words[0], words[1:]
    options = [word for word in rest[: rest.index("--") if "--" in rest else None] if word.startswith("-")]
    short = "".join(option[1:] for option in options if not option.startswith("--"))
    if name == "rm" and ("f" in short or any(o.startswith("--f") for o in options)):
        return "it deletes without asking"
    if name in _DISKS or name.startswith("mkfs"):
        return "it can overwrite a disk"
    if name in ("chmod", "chown") and ("R" in short or "--recursive" in options):
        return "it changes the rights of a whole folder"
    if name == "git" and "push" in rest and ("f" in short or any(o.startswith("--force") for o in options)):
        return "it overwrites what others may have"
    if name == "git" and (
        ("reset" in rest and "--hard" in rest) or ("clean" in rest and ("f" in short or "--force" in options))
    ):
        return "it throws away changes that are not committed"
    if name in ("shutdown", "reboot", "halt", "poweroff", "mkfs"):
        return "it stops the machine"
    return ""
