"""Commands of assistants with a server, for those who look for them: there is none here."""

import click

from rlm_tui.errors import RlmTuiError


def _gone(name: str) -> click.Command:
    @click.command(
        name,
        help=f"There is nothing to {name}: rlm-tui has no server.",
        epilog='Instead:  rlm-tui run "What is this?"',
        context_settings={"ignore_unknown_options": True},
    )
    @click.argument("rest", nargs=-1, metavar="")
    def command(rest: tuple[str, ...]) -> None:  # noqa: ARG001 - whatever was given, the answer is the same
        raise RlmTuiError(
            f"There is nothing to {name}: rlm-tui has no server, the loop runs in the program itself. "
            f"Ask without a screen with `rlm-tui run`, or from Python with `from rlm_tui import RLM`."
        )

    return command


serve = _gone("serve")
stop = _gone("stop")
restart = _gone("restart")
setup = _gone("setup")
