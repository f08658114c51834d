"""Options that several commands share, and how they become the options of a session."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rlm_tui.config.options import AppOptions
from rlm_tui.config.paths import Paths
from rlm_tui.config.schema import UNLIMITED
from rlm_tui.config.settings import Loaded, load_settings
from rlm_tui.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., Any])


if TYPE_CHECKING:
    _ParamType = click.ParamType[float | int | str]
else:
    _ParamType = click.ParamType  # generic in click's newest releases only


class Limit(_ParamType):
    """A number of at least `least`, or `unlimited`."""

    name = "number"

    def __init__(self, least: float, *, whole: bool = True) -> None:
        self._least = least
        self._whole = whole

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | int | str:
        """Return the number or the word. Fails with a sentence."""
        if value == UNLIMITED:
            return UNLIMITED
        try:
            number = int(value) if self._whole else float(value)
        except ValueError:
            number = float("nan")
        if not number >= self._least:
            kind = "whole number" if self._whole else "number"
            self.fail(f"{value!r} is no {kind} of at least {self._least:g}, nor `{UNLIMITED}`", param, ctx)
        return number


def session_options(command: Command) -> Command:
    """Add the options of everything that talks to a model in a session."""
    for option in reversed(
        (
            click.option("-c", "--continue", "continue_", is_flag=True, help="Go on with the newest session here."),
            click.option("-s", "--session", default="", metavar="ID", help="Go on with this session (id or title)."),
            click.option("-m", "--model", default="", metavar="NAME", help="The model, by litellm's name."),
            click.option("--sub-model", default="", metavar="NAME", help="The model of sub-calls."),
            click.option(
                "--mode", type=click.Choice(["tools", "repl"]), help="Tool calls, or Python over the context."
            ),
            click.option("--agent", default="", metavar="NAME", help="The agent: build, plan, or one of your own."),
            click.option("--approval", type=click.Choice(["ask", "edit", "plan", "auto"]), help="What runs unasked."),
            click.option(
                "--attach", multiple=True, metavar="PATH...", help="More context: files, folders, `-` for stdin."
            ),
            click.option("--yes", "confirmed", is_flag=True, help="Read the project even if it is / or your home."),
        )
    ):
        command = option(command)
    return command


def directory_option(command: Command) -> Command:
    """Add `-C`, for commands that work in a project."""
    return click.option(
        "-C", "--directory", default=".", metavar="DIR", help="The project's folder; the current one if not given."
    )(command)


def project_folder(name: str) -> Path:
    """Return the absolute folder of a project. Raises `UsageError`."""
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise UsageError(f"There is no folder {name!r}: give one that exists.")
    return folder.resolve()


def session_flags(model: str, sub_model: str, mode: str | None, approval: str | None) -> dict[str, Any]:
    """Return the shared flags that are settings, by dotted key, without those not given."""
    flags = {"model.name": model, "model.sub": sub_model, "model.mode": mode, "permissions.approval": approval}
    return {key: value for key, value in flags.items() if value}


def load(project: Path | None, flags: dict[str, Any] | None = None) -> tuple[Paths, Loaded]:
    """Return where data lies and the settings in force."""
    paths = Paths.from_environ()
    return paths, load_settings(paths, project, flags or {})


def app_options(
    project: Path, flags: dict[str, Any], attach: Sequence[str], *, mouse: bool = True, **rest: Any
) -> AppOptions:
    """Return the options of a session. Raises `UsageError` for something to attach that does not exist."""
    paths, loaded = load(project, flags)
    files, texts = attachments(attach)
    return AppOptions(
        project=project,
        paths=paths,
        loaded=loaded,
        attach=files,
        attach_texts=texts,
        mouse=mouse and loaded.settings.ui.mouse,
        flags=flags,
        **rest,
    )


def attachments(names: Sequence[str]) -> tuple[tuple[Path, ...], tuple[tuple[str, str], ...]]:
    """Return the paths among `names`, and the text of standard input where one is `-`. Raises `UsageError`."""
    files: list[Path] = []
    texts: list[tuple[str, str]] = []
    for name in names:
        if name == "-":
            if not texts:
                texts.append(("stdin", read_stdin()))
        elif not Path(name).expanduser().exists():
            raise UsageError(f"{name!r} does not exist, so it cannot be attached.")
        else:
            files.append(Path(name).expanduser().resolve())
    return tuple(files), tuple(texts)


def read_stdin() -> str:
    """Return all of standard input; bytes that are not UTF-8 become U+FFFD."""
    return sys.stdin.buffer.read().decode("utf-8", "replace")
