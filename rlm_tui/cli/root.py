"""The root of the command line: which command a line means, and how its end becomes an exit code.

The first word that is a command's name is that command; anything else is a folder to open the screen in. Commands
are imported when they run; their one-line help is kept here, so that `--help` imports none.
"""

import importlib
import os
import sys
from pathlib import Path

import click

from rlm_tui import __version__
from rlm_tui.cli.output import say
from rlm_tui.errors import RlmTuiError, UsageError

INTERRUPTED = 130
OPEN = "open"

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("rlm_tui.cli.run:run", "Ask once, without a screen."),
    "batch": ("rlm_tui.cli.batch:batch", "Ask many questions from a file of JSON lines."),
    "context": ("rlm_tui.cli.context:context", "Look into a context by hand: stats, entries, get, find, search, rank."),
    "ingest": ("rlm_tui.cli.ingest:ingest", "Read a project into its corpus, or bring it up to date."),
    "sessions": ("rlm_tui.cli.sessions:sessions", "List, search, rename, fork and delete sessions."),
    "replay": ("rlm_tui.cli.replay:replay", "Play a past session again on the screen."),
    "export": ("rlm_tui.cli.export:export", "Export a session as Markdown, HTML, JSON, a recording or a bundle."),
    "import": ("rlm_tui.cli.export:import_", "Bring in a session that was exported elsewhere."),
    "log": ("rlm_tui.cli.log:log", "Show the events of a session, a line each."),
    "clear": ("rlm_tui.cli.clear:clear", "Delete sessions and what no session needs any more."),
    "status": ("rlm_tui.cli.status:status", "Show settings in force, folders and sizes."),
    "doctor": ("rlm_tui.cli.doctor:doctor", "Check sessions and corpora on the disk, and mend them."),
    "models": ("rlm_tui.cli.models:models", "List the models that are available here."),
    "themes": ("rlm_tui.cli.themes:themes", "List the themes."),
    "agents": ("rlm_tui.cli.agents:agents", "List agents, own commands and skills."),
    "permissions": ("rlm_tui.cli.permissions:permissions", "List permission rules, and try them on commands."),
    "config": ("rlm_tui.cli.config:config", "Show, locate, edit and trust configuration."),
}
"""Every command that help lists, with where it is and its one-line help."""

HIDDEN: dict[str, str] = {
    OPEN: "rlm_tui.cli.screen:open_screen",
    "serve": "rlm_tui.cli.gone:serve",
    "stop": "rlm_tui.cli.gone:stop",
    "restart": "rlm_tui.cli.gone:restart",
    "setup": "rlm_tui.cli.gone:setup",
}

_HELP = """A terminal coding assistant that shows a Recursive Language Model at work.

\b
  rlm-tui              open the screen here
  rlm-tui ~/project    open it there
  rlm-tui -c           go on with the newest session here
  rlm-tui run "Where are retries decided?"
"""


class RootGroup(click.Group):
    """Commands that are found by name and imported on use; without a command's name, the screen opens."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names that help lists."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command."""
        target = COMMANDS[cmd_name][0] if cmd_name in COMMANDS else HIDDEN.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the opening command before a line that names none."""
        if not args or (args[0] not in COMMANDS and args[0] not in HIDDEN and args[0] not in ("--help", "--version")):
            args = [OPEN, *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both ways to call the program."""
        formatter.write_usage(ctx.command_path, "[DIR] [OPTIONS]")
        formatter.write_usage(ctx.command_path, "COMMAND [ARGUMENTS]")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the screen's options, then the commands."""
        screen = self.get_command(ctx, OPEN)
        options = [p for p in screen.params if isinstance(p, click.Option)] if screen else []
        records = [record for record in (option.get_help_record(ctx) for option in options) if record]
        with formatter.section("Options"):
            formatter.write_dl([*records, ("--version", "Show the version and leave."), ("--help", "Show this.")])
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=RootGroup, help=_HELP, context_settings={"max_content_width": 100})
@click.version_option(__version__, "--version", prog_name="rlm-tui", message="%(prog)s %(version)s")
def root() -> None:
    """Do nothing by itself: the commands do."""


def run_command(argv: list[str]) -> int:
    """Run a command line and return its exit code. Nothing escapes: an unexpected error leaves a file and a line."""
    _let_streams_print_anything()
    try:
        code = root.main(args=argv, prog_name="rlm-tui", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        return _show_usage(error)
    except (KeyboardInterrupt, click.Abort):
        say("interrupted.")
        return INTERRUPTED
    except RlmTuiError as error:
        say(str(error))
        return 2 if isinstance(error, UsageError) else 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
        return 1
    except OSError as error:
        say(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}.")
        return 1
    except Exception as error:  # noqa: BLE001 - the outermost edge: whatever it is, the person gets a sentence
        say(_report(error))
        return 1
    return code if isinstance(code, int) else 0


def _report(error: Exception) -> str:
    from rlm_tui.config.crash import report_crash
    from rlm_tui.config.paths import Paths

    return report_crash(error, Paths.from_environ())


def no_such_folder(name: str) -> UsageError:
    """Return the error for a first word that is neither a command nor a folder, with near commands' names."""
    if name in COMMANDS:
        return UsageError(f"`{name}` is a command: put it first, as in `rlm-tui {name}`, or write `./{name}`.")
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=3, cutoff=0.5)
    hint = " or ".join(f"`rlm-tui {command}`" for command in near)
    is_file = Path(name).exists()
    what = f"{name} is not a folder" if is_file else f"There is no command and no folder {name!r}"
    rest = f"Did you mean {hint}?" if hint else "`rlm-tui --help` lists the commands."
    if is_file:
        rest = "Open its folder, and add the file with `--attach`."
    return UsageError(f"{what}. {rest}")


def _show_usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path.replace(f" {OPEN}", "") if context else "rlm-tui"
    say(f"{error.format_message()} `{path} --help` explains.")
    return error.exit_code


def _let_streams_print_anything() -> None:
    """File names may hold bytes that are no UTF-8: print them escaped rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
