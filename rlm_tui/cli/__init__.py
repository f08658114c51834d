"""The command line: every command imports its rooms when it runs, never before."""

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> None:
    """Run `rlm-tui` with `argv` (the process's own by default) and exit with its code.

    0 success, 1 failure, 2 wrong usage, 3 ended by a budget (`run`), 130 interrupted.
    """
    import sys

    from rlm_tui.cli.root import run_command

    sys.exit(run_command(sys.argv[1:] if argv is None else list(argv)))
