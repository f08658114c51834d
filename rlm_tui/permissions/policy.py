"""The one decision: may this go on unasked, must a person say so, or does it never happen?

Among the rules that match, deny wins, then ask, then allow; only where none matches do the defaults of the approval
mode apply. A shell script is allowed only when every command in it is and nothing in it is in doubt.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache, partial
from pathlib import Path
from typing import Literal

from rlm_tui.config.schema import Approval, PermissionSettings
from rlm_tui.context.secret import is_secret
from rlm_tui.errors import ConfigError
from rlm_tui.permissions.danger import all_commands, danger
from rlm_tui.permissions.places import is_inside, is_protected
from rlm_tui.permissions.readonly import why_not_readonly
from rlm_tui.permissions.rules import FAMILIES, Rule, parse_rule, quoted
from rlm_tui.permissions.script import Command, Script, read_script

Verdict = Literal["allow", "ask", "deny"]
EXACT_CHARS = 300
"""A longer script is not offered as an exact rule: nobody could read it in a list of rules."""

_SUBCOMMANDS = frozenset(
    {"git", "npm", "pnpm", "yarn", "cargo", "go", "uv", "pip", "docker", "kubectl", "make", "poetry", "bun", "deno",
     "dotnet", "gradle", "mvn", "gh", "hatch", "tox", "nox", "just", "rustup", "apt", "brew", "conda", "terraform"}
)  # fmt: skip
_MOST_FOLDERS = 64
_NO_PREFIX = frozenset({"python", "python3", "node", "ruby", "perl", "sh", "bash", "zsh", "env", "sudo", "xargs", "rm"})
"""Programs that a rule by name would allow everything with."""


class Containment(Enum):
    """How far commands are confined here."""

    SANDBOXED = "SANDBOXED"
    PARTIAL = "PARTIAL"
    NONE = "NONE"
    OFF = "OFF"
    """The person switched the sandbox off: rules alone decide."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something about to happen. `target` is a command, an address or a path as written; `paths` are absolute."""

    tool: str
    target: str = ""
    paths: tuple[Path, ...] = ()
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a deed. `rule` is the rule that decided, `reason` a sentence, `warning` what is dangerous.

    `suggestion` is a rule that would allow this and its like, for a person who is asked.
    """

    verdict: Verdict
    reason: str
    rule: str = ""
    warning: str = ""
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force for one project."""

    project: Path
    approval: Approval = "ask"
    allow: tuple[Rule, ...] = ()
    ask: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()
    containment: Containment = Containment.PARTIAL
    writable: tuple[Path, ...] = field(default=())

    def decide(self, deed: Deed) -> Decision:
        """Return the decision about `deed`. Raises `ToolError` where commands cannot be judged at all."""
        decision = self._decide_command(deed) if deed.tool == "bash" else self._decide_other(deed)
        if decision.verdict == "ask" and not decision.suggestion:
            return replace(decision, suggestion=self._suggestion(deed))
        return decision

    def allowing(self, rule: Rule) -> "Policy":
        """Return this policy with one more allow rule."""
        return self if rule in self.allow else replace(self, allow=(*self.allow, rule))

    # --- files, addresses, servers ---------------------------------------------------------------------

    def _decide_other(self, deed: Deed) -> Decision:
        if rule := self._matching(self.deny, deed, every=False):
            return Decision("deny", f"The rule {rule} forbids it.", str(rule))
        if self.approval == "plan" and deed.writes:
            return Decision("deny", "Nothing is changed while planning (approval mode plan).")
        if rule := self._matching(self.ask, deed, every=False):
            return Decision("ask", f"The rule {rule} says to ask.", str(rule))
        protected = next((path for path in deed.paths if deed.writes and self._is_protected(path)), None)
        if protected is not None:
            return Decision("ask", f"{protected.name} can change what runs later, so writing to it always asks.")
        if rule := self._matching(self.allow, deed, every=True):
            return Decision("allow", f"The rule {rule} allows it.", str(rule))
        return self._default(deed)

    def _default(self, deed: Deed) -> Decision:
        outside = next((path for path in deed.paths if not self._is_own(path)), None)
        if deed.tool in FAMILIES["read"] and not deed.writes:
            if outside is None:
                return Decision("allow", "It reads files of the project.")
            return Decision("ask", f"{outside} is outside the project.")
        if deed.writes and deed.tool in FAMILIES["edit"]:
            if outside is not None:
                return Decision("ask", f"{outside} is outside the project.")
            if self.approval in ("edit", "auto"):
                return Decision("allow", f"Edits in the project run unasked (approval mode {self.approval}).")
            return Decision("ask", "It changes files.")
        if deed.tool == "web_fetch":
            return Decision("ask", "It reaches out to the network.")
        return Decision("ask", "It acts outside this program.")

    def _matching(self, rules: Iterable[Rule], deed: Deed, *, every: bool) -> Rule | None:
        """Return the first rule that matches: all paths where `every` (to allow), else any of them."""
        for rule in rules:
            if not rule.names(deed.tool):
                continue
            if not deed.paths or not rule.pattern:
                if rule.matches_text(deed.target):
                    return rule
                continue
            matches = [rule.matches_path(path, self.project) for path in deed.paths]
            if all(matches) if every else any(matches):
                return rule
        return None

    def _is_own(self, path: Path) -> bool:
        return is_inside(path, self.project) or any(is_inside(path, folder) for folder in self.writable)

    def _is_protected(self, path: Path) -> bool:
        return is_protected(path.relative_to(self.project) if path.is_relative_to(self.project) else path)

    # --- commands --------------------------------------------------------------------------------------

    def _decide_command(self, deed: Deed) -> Decision:
        script = read_script(deed.target)
        warning = danger(script)
        if rule := self._forbidding(self.deny, script, deed.target):
            return Decision("deny", f"The rule {rule} forbids it.", str(rule), warning)
        if not deed.target.strip():
            return Decision("ask", "The command is empty.")
        why = self._why_not_readonly(script)
        if self.approval == "plan":
            if why:
                return Decision("deny", f"Nothing is changed while planning (approval mode plan): {why}.", "", warning)
        elif rule := self._forbidding(self.ask, script, deed.target):
            return Decision("ask", f"The rule {rule} says to ask.", str(rule), warning)
        if warning and not self._exactly_allowed(deed.target):
            return Decision("ask", f"Look twice: {warning}.", "", warning)
        if why_protected := self._writes_protected(script):
            return Decision("ask", why_protected, "", warning)
        if self.containment is Containment.NONE:
            return Decision("ask", "No sandbox works here, so every command asks.", "", warning)
        if rule := self._allowing(script, deed.target):
            return Decision("allow", f"The rule {rule} allows it.", str(rule), warning)
        if not why:
            return Decision("allow", "It only looks at the project.")
        if self.approval == "auto" and self.containment is Containment.SANDBOXED:
            return Decision("allow", "It runs in the sandbox (approval mode auto).")
        return Decision("ask", _sentence(why), "", warning)

    def _forbidding(self, rules: Sequence[Rule], script: Script, text: str) -> Rule | None:
        rules = [rule for rule in rules if rule.names("bash")]
        if not rules:
            return None
        lines = [" ".join(words) for words in all_commands(script)]
        return next((r for r in rules if r.matches_text(text.strip()) or any(map(r.matches_text, lines))), None)

    def _exactly_allowed(self, text: str) -> Rule | None:
        return next((r for r in self.allow if r.names("bash") and r.exact and r.matches_text(text.strip())), None)

    def _allowing(self, script: Script, text: str) -> Rule | None:
        """Return a rule that allows the script: for all of it, or the last of those that allow its commands."""
        rules = [rule for rule in self.allow if rule.names("bash")]
        if exact := self._exactly_allowed(text):
            return exact
        if everything := next((rule for rule in rules if rule.pattern in ("", "*")), None):
            return everything if script.commands or not script.doubts else None
        if not rules or script.doubts or not script.commands or self._why_not_redirections(script):
            return None
        found: Rule | None = None
        readable = cache(partial(self._is_readable, self._folders(script)))
        for command in script.commands:
            rule = next((rule for rule in rules if _allows(rule, command)), None)
            if rule is None and self._why_not_looking(command, readable):
                return None
            found = rule or found
        return found

    def _why_not_readonly(self, script: Script) -> str:
        """Return why a script may do more than look, an empty string where it cannot."""
        for why in (*script.doubts, self._why_not_redirections(script)):
            if why:
                return why
        if not script.commands:
            return "there is nothing to run"
        readable = cache(partial(self._is_readable, self._folders(script)))
        return next((why for c in script.commands if (why := self._why_not_looking(c, readable))), "")

    def _why_not_looking(self, command: Command, readable: Callable[[str], bool]) -> str:
        if command.words[0].text == "cd":
            return "" if _goes_to(command) and readable(_goes_to(command)) else "it goes to another folder"
        return why_not_readonly(command, readable)

    def _folders(self, script: Script) -> tuple[Path, ...]:
        """Return every folder that a command of `script` may run in: what it names must hold for each of them."""
        folders = [self.project]
        for command in script.commands:
            if command.words[0].text == "cd" and (name := _goes_to(command)):
                folders += [self._resolved(name, folder) for folder in folders]
                if len(folders) > _MOST_FOLDERS:
                    return (Path("/"),)
        return tuple(dict.fromkeys(folders))

    def _why_not_redirections(self, script: Script) -> str:
        folders = self._folders(script)
        for redirection in script.redirections:
            target = redirection.target.text
            if target == "/dev/null":
                continue
            if redirection.writes:
                for folder in folders:
                    edit = self._decide_other(Deed("edit", target, (self._resolved(target, folder),), writes=True))
                    if edit.verdict != "allow":
                        return f"it writes to {target}"
            elif not self._is_readable(folders, target):
                return f"it reads {target}"
        return ""

    def _writes_protected(self, script: Script) -> str:
        for redirection in script.redirections:
            target = redirection.target.text
            if redirection.writes and any(self._is_protected(self._resolved(target, f)) for f in self._folders(script)):
                return f"{redirection.target.text} can change what runs later, so writing to it always asks."
        return ""

    @staticmethod
    def _resolved(written: str, folder: Path) -> Path:
        try:
            return (folder / Path(written).expanduser()).resolve()
        except (OSError, RuntimeError, ValueError):
            return Path("/")

    def _is_readable(self, folders: Sequence[Path], written: str) -> bool:
        """Whether a path in a command leads, from each of `folders`, to a file of the project that is no secret."""
        if written in ("", "-"):
            return True
        if is_secret(written) or "\0" in written:
            return False
        paths = tuple(self._resolved(written, folder) for folder in folders)
        if any(not is_inside(path, self.project) or is_secret(path.name) for path in paths):
            return False
        return not self._matching((*self.deny, *self.ask), Deed("read", written, paths), every=False)

    # --- suggestions -----------------------------------------------------------------------------------

    def _suggestion(self, deed: Deed) -> str:
        if deed.tool == "bash":
            return self._command_suggestion(deed.target)
        if deed.tool in FAMILIES["edit"] and deed.paths:
            return str(Rule("edit", quoted(self._named(deed.paths[0])))) if len(deed.paths) == 1 else ""
        if deed.paths:
            return str(Rule("read", quoted(self._named(deed.paths[0])))) if len(deed.paths) == 1 else ""
        if deed.tool == "web_fetch":
            scheme, _, rest = deed.target.partition("://")
            return str(Rule("web_fetch", f"{scheme}://{quoted(rest.partition('/')[0])}/*"))
        return (
            deed.tool if deed.tool.startswith("mcp:") or not deed.target else str(Rule(deed.tool, quoted(deed.target)))
        )

    def _named(self, path: Path) -> str:
        return path.relative_to(self.project).as_posix() if path.is_relative_to(self.project) else str(path)

    def _command_suggestion(self, text: str) -> str:
        script = read_script(text)
        if len(script.commands) == 1 and not script.doubts and not script.redirections and not danger(script):
            words = [word.text for word in script.commands[0].words]
            plain = all(_is_plain(word) for word in words[:2])
            if words[0] in _SUBCOMMANDS and len(words) > 1 and plain and not words[1].startswith("-"):
                return str(Rule("bash", f"{words[0]} {words[1]} *"))
            if words[0] not in _NO_PREFIX and _is_plain(words[0]) and len(words) > 1:
                return str(Rule("bash", f"{words[0]} *"))
        text = text.strip()
        return str(Rule("bash", quoted(text))) if len(text) <= EXACT_CHARS and "\n" not in text else ""


def _is_plain(word: str) -> bool:
    return bool(word) and all(character.isalnum() or character in "._-:/" for character in word)


def _sentence(why: str) -> str:
    """Return a reason as a sentence; a program's name keeps its letters."""
    own = why.startswith(("it ", "its ", "a ", "there ", "what ", "where "))
    return f"{why[:1].upper() if own else why[:1]}{why[1:]}."


def _goes_to(command: Command) -> str:
    """Return the folder that a plain `cd FOLDER` goes to, an empty string for any other form."""
    words = command.words
    plain = len(words) == 2 and command.literal and not words[1].globs and not words[1].text.startswith("-")
    return words[1].text if plain else ""


def _allows(rule: Rule, command: Command) -> bool:
    """A wildcard of a rule covers words, but not a glob as the command, and no word that is not literal."""
    return command.literal and not command.words[0].globs and rule.matches_text(command.line)


def make_policy(
    settings: PermissionSettings,
    project: Path,
    *,
    containment: Containment = Containment.PARTIAL,
    approval: str = "",
    writable: Iterable[str] = (),
) -> tuple[Policy, list[str]]:
    """Return the policy that `settings` describe, and a sentence for each rule that could not be read.

    A deny or ask rule that cannot be read is no reason to go on as if it were not there: then everything asks.
    """
    problems: list[str] = []
    lists: dict[str, tuple[Rule, ...]] = {}
    for name in ("allow", "ask", "deny"):
        rules = []
        for text in getattr(settings, name):
            try:
                rules.append(parse_rule(text))
            except ConfigError as error:
                problems.append(f"permissions.{name}: {error}")
                if name != "allow":
                    lists["ask"] = (Rule("*"),)
        lists[name] = (*lists.get(name, ()), *rules)
    mode: Approval = approval if approval in ("ask", "edit", "plan", "auto") else settings.approval  # type: ignore[assignment]  # checked in the condition
    folders = tuple(Path(folder).expanduser().resolve() for folder in writable)
    policy = Policy(project.resolve(), mode, lists["allow"], lists["ask"], lists["deny"], containment, folders)
    return policy, problems
