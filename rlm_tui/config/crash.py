"""What is left of an unexpected error: its traceback in a file, one sentence for the person."""

import os
import time
import traceback

from rlm_tui.config.paths import Paths
from rlm_tui.redact import redact
from rlm_tui.text import one_line


def report_crash(error: BaseException, paths: Paths) -> str:
    """Write the traceback of `error` to a file under the logs and return one sentence that says where.

    Values of key-like environment variables are masked in both. Never raises.
    """
    what = one_line(redact(f"{type(error).__name__}: {error}".rstrip(": ")), 200)
    file = paths.logs / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    try:
        paths.make(paths.logs)
        file.write_text(redact("".join(traceback.format_exception(error))), encoding="utf-8", errors="replace")
    except OSError as failure:
        return f"Something unexpected went wrong ({what}); the details could not be written: {failure.strerror}."
    return f"Something unexpected went wrong ({what}); the details are in {file}."
