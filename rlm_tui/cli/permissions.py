"""`rlm-tui permissions`: the rules in force, and what would become of a command under them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from rlm_tui.cli.options import directory_option, load, project_folder
from rlm_tui.cli.output import json_option, say, show, show_json, show_table
from rlm_tui.config.project_rules import drop_rule, project_rules
from rlm_tui.errors import UsageError


@click.group(epilog="Example:  rlm-tui permissions check 'git push --force'")
def permissions() -> None:
    """Show permission rules, and try them on commands before a model does."""


@permissions.command(epilog="Example:  rlm-tui permissions list")
@directory_option
@json_option
def list(directory: str, as_json: bool) -> None:
    """List the rules in force here, and where each came from."""
    from rlm_tui.sandbox.finding import find_containment

    project = project_folder(directory)
    paths, loaded = load(project)
    settings = loaded.settings.permissions
    found = find_containment(loaded.settings.sandbox.mode, network=loaded.settings.sandbox.network, project=project)
    rows = [(name, rule, "configuration") for name in ("deny", "ask", "allow") for rule in getattr(settings, name)]
    rows += [("allow", rule, "kept for this project") for rule in project_rules(paths, project)]
    if as_json:
        show_json(
            {
                "approval": settings.approval,
                "sandbox": found.text,
                "rules": [{"list": name, "rule": rule, "from": origin} for name, rule, origin in rows],
            }
        )
        return
    show(f"approval {settings.approval}    commands {found.text}")
    show_table(("list", "rule", "from"), rows)


@permissions.command(epilog="Example:  rlm-tui permissions drop 'bash(npm run *)'")
@click.argument("rule")
@directory_option
def drop(rule: str, directory: str) -> None:
    """Take back a rule that was kept for this project."""
    project = project_folder(directory)
    paths, _ = load(project)
    kept = project_rules(paths, project)
    if rule not in kept:
        raise UsageError(f"No such rule is kept for this project. Kept are: {', '.join(kept) or 'none'}.")
    drop_rule(paths, project, rule)
    say(f"{rule} holds no longer.")


@permissions.command(
    epilog="Example:  rlm-tui permissions check 'git push --force'"
    "            printf 'ls\\nrm -rf x\\n' | rlm-tui permissions check --stdin --json"
)
@click.argument("command", required=False)
@click.option("--stdin", "from_stdin", is_flag=True, help="Read commands from stdin, one a line.")
@click.option("-0", "--null", is_flag=True, help="Commands on stdin end in NUL characters, not in line ends.")
@click.option("--tool", default="bash", show_default=True, help="The tool: bash, edit, read, web_fetch, mcp:...")
@click.option("--allow", multiple=True, metavar="RULE", help="One more allow rule.")
@click.option("--deny", multiple=True, metavar="RULE", help="One more deny rule.")
@click.option("--approval", type=click.Choice(["ask", "edit", "plan", "auto"]), help="Another approval mode.")
@directory_option
@json_option
def check(
    command: str | None, from_stdin: bool, null: bool, tool: str, allow: tuple[str, ...], deny: tuple[str, ...],
    approval: str | None, directory: str, as_json: bool,
) -> None:  # fmt: skip
    """Say what would become of COMMAND (or a path, an address) under the rules in force; nothing is run."""
    if from_stdin == (command is not None):
        raise UsageError("Give one command, or --stdin to read commands.")
    project = project_folder(directory)
    flags: dict[str, Any] = {f"permissions.{n}": rules for n, rules in (("allow", allow), ("deny", deny)) if rules}
    if approval:
        flags["permissions.approval"] = approval
    checker = _Checker(project, flags)
    rows = []
    for text in _commands(null) if from_stdin else [command or ""]:
        found = checker.check(tool, text)
        if as_json:
            show_json(found)
        elif from_stdin:
            rows.append((found["decision"], found["rule"], text))
        else:
            show(f"{found['decision']}: {found['reason']}")
            if found["warning"]:
                show(f"warning: {found['warning']}")
    if rows:
        show_table(("decision", "rule", "command"), rows)


def _commands(null: bool) -> Iterator[str]:
    """Yield commands from stdin as they come, in their order."""
    if null:
        data = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        yield from data.removesuffix("\0").split("\0") if data else ()
        return
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "surrogateescape").removesuffix("\n")


class _Checker:
    """The policy in force for one project, as a session would make it."""

    def __init__(self, project: Path, flags: dict[str, Any]) -> None:
        from msgspec.structs import replace

        from rlm_tui.permissions.policy import make_policy
        from rlm_tui.sandbox.finding import find_containment

        paths, loaded = load(project, flags)
        sandbox = loaded.settings.sandbox
        found = find_containment(sandbox.mode, network=sandbox.network, project=project)
        settings = loaded.settings.permissions
        settings = replace(settings, allow=(*settings.allow, *project_rules(paths, project)))
        self._policy, problems = make_policy(
            settings, project, containment=found.containment, writable=sandbox.writable
        )  # fmt: skip
        for problem in problems:
            say(problem)

    def check(self, tool: str, text: str) -> dict[str, str]:
        """Return what would become of `text`, as plain data."""
        from rlm_tui.permissions.policy import Deed
        from rlm_tui.permissions.rules import FAMILIES

        files = tool in FAMILIES["edit"] | FAMILIES["read"]
        place = (self._policy.project / Path(text).expanduser()).resolve() if files and "\0" not in text else None
        deed = Deed(tool, text, (place,) if place else (), writes=tool in FAMILIES["edit"] or tool == "bash")
        decision = self._policy.decide(deed)
        return {
            "command": text,
            "decision": decision.verdict,
            "rule": decision.rule,
            "reason": decision.reason,
            "warning": decision.warning,
            "suggestion": decision.suggestion,
        }
