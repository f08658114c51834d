"""`rlm-tui run`: one turn without a screen."""

import sys
from pathlib import Path

import click

from rlm_tui.cli.options import (
    Limit,
    app_options,
    directory_option,
    project_folder,
    read_stdin,
    session_flags,
    session_options,
)
from rlm_tui.errors import UsageError


@click.command(
    epilog='Example:  rlm-tui run "Which module owns retries?"   or   cat notes.md | rlm-tui run "Sum up" --attach -'
)
@click.argument("words", nargs=-1, metavar="[PROMPT]")
@session_options
@directory_option
@click.option("--json", "as_json", is_flag=True, help="Print every event as a line of JSON.")
@click.option("--max-depth", type=Limit(0), metavar="N", help="How deep a call may call itself.")
@click.option("--max-calls", type=Limit(1), metavar="N", help="How many model calls, sub-calls included.")
@click.option("--concurrency", type=click.IntRange(1, 256), metavar="N", help="How many sub-calls run at once.")
@click.option("--max-repeats", type=Limit(1), metavar="N", help="How often the identical tool call may be made.")
@click.option("--max-tokens", type=Limit(1), metavar="N", help="How many tokens, in and out.")
@click.option("--max-cost", type=Limit(0, whole=False), metavar="USD", help="US dollars.")
@click.option("--timeout", type=Limit(0, whole=False), metavar="SECONDS", help="Wall time.")
@click.option("--allow", multiple=True, metavar="RULE", help="What may run unasked, as `bash(git diff *)`.")
@click.option("--deny", multiple=True, metavar="RULE", help="What must not run.")
def run(
    words: tuple[str, ...],
    continue_: bool,
    session: str,
    model: str,
    sub_model: str,
    mode: str | None,
    agent: str,
    approval: str | None,
    attach: tuple[str, ...],
    confirmed: bool,
    directory: str,
    as_json: bool,
    max_depth: int | str | None,
    max_calls: int | str | None,
    concurrency: int | None,
    max_repeats: int | str | None,
    max_tokens: int | str | None,
    max_cost: float | str | None,
    timeout: float | str | None,
    allow: tuple[str, ...],
    deny: tuple[str, ...],
) -> int:
    """Ask PROMPT (or what stdin holds) once and print the answer.

    Progress goes to stderr. Exits 1 when there is no answer, 3 when a budget ended it; the best answer so far is
    printed then.
    """
    prompt, more = _prompt(words, attach)
    limits = {
        "depth": max_depth, "calls": max_calls, "concurrency": concurrency, "repeats": max_repeats,
        "tokens": max_tokens, "cost": max_cost, "seconds": timeout,
    }  # fmt: skip
    flags = session_flags(model, sub_model, mode, approval)
    flags |= {f"budget.{name}": value for name, value in limits.items() if value is not None}
    flags |= {f"permissions.{name}": rules for name, rules in (("allow", allow), ("deny", deny)) if rules}
    options = app_options(
        project_folder(directory),
        flags,
        (*attach, *more),
        continue_=continue_,
        session=session,
        prompt=prompt,
        agent=agent,
        confirmed=confirmed,
    )
    from rlm_tui.headless import RunOptions, run_turn

    return run_turn(RunOptions(options, prompt, json=as_json))


def _prompt(words: tuple[str, ...], attach: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the prompt, and what `--attach A B` left over. Raises `UsageError` where nothing is asked."""
    more: tuple[str, ...] = ()
    if attach and len(words) > 1:
        more = tuple(word for word in words if word == "-" or Path(word).expanduser().exists())
        words = tuple(word for word in words if word not in more)
    prompt = " ".join(words)
    if (not prompt or prompt == "-") and "-" not in attach and not sys.stdin.isatty():
        prompt = read_stdin()
    if not prompt.strip():
        raise UsageError('There is no prompt: give one, as in `rlm-tui run "What is this?"`, or send it to stdin.')
    return prompt, more
