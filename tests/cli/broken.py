"""A command with a mistake in it."""

import click


@click.command()
def broken() -> None:
    """Divide a secret by zero."""
    secret = "sk-0123456789abcdefghij"
    raise ZeroDivisionError(f"while dividing {secret}")
