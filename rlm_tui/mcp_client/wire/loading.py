"""Keeps the `mcp` library quiet: what it logs goes to this program's log, never to the terminal."""

import logging

from rlm_tui.redact import redact

_NOISY = ("mcp", "mcp_types", "httpx2", "httpcore2", "client")


class _Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger("rlm_tui.mcp").log(record.levelno, "%s", redact(record.getMessage()))


def quieten() -> None:
    """Send the library's records to the logger `rlm_tui.mcp`, redacted and without tracebacks."""
    logging.getLogger("rlm_tui").addHandler(logging.NullHandler())
    for name in _NOISY:
        logger = logging.getLogger(name)
        logger.handlers = [_Forward()]
        logger.propagate = False
