"""The one place that imports litellm: late, once, quietly.

The import takes seconds of CPU and well over 100 MiB, so it happens in whichever thread first needs a model, never
when this package is imported. litellm would fetch a price map from the network, print hints to stdout and log to
stderr; all of that would tear a full-screen terminal, so it is configured away here.
"""

import asyncio
import contextlib
import logging
import os
import socket
import threading
import warnings
from types import ModuleType
from typing import Any

from rlm_tui.redact import redact

_QUIET_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOG": "CRITICAL",
}
_NOISY_LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "asyncio")

_lock = threading.Lock()
_loaded: ModuleType | None = None


class _Forward(logging.Handler):
    """Hands records of a library on to this program's own log, redacted and never louder than a file."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger("rlm_tui.models.litellm").log(record.levelno, "%s", redact(record.getMessage()))


def load_litellm() -> Any:
    """Return the litellm module, imported and silenced on the first call.

    Blocks for seconds the first time; safe from any thread. Log records of litellm and asyncio go to the logger
    `rlm_tui.models.litellm`, which writes wherever the program's own log does, or nowhere.
    """
    global _loaded
    if _loaded is not None:
        return _loaded
    with _lock:
        if _loaded is None:
            for name, value in _QUIET_ENVIRONMENT.items():
                os.environ[name] = value
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import litellm
            _quieten(litellm)
            _loaded = litellm
    return _loaded


def is_loaded() -> bool:
    """Tell whether litellm was imported already, so that asking it costs nothing."""
    return _loaded is not None


def _quieten(litellm: Any) -> None:
    litellm.suppress_debug_info = True
    litellm.set_verbose = False
    litellm.telemetry = False
    litellm.disable_hf_tokenizer_download = True  # else counting tokens waits for the network
    litellm.drop_params = True
    litellm.REPEATED_STREAMING_CHUNK_LIMIT = 10**9  # else 100 equal chunks (a table's rule) end the stream
    # Pydantic warns on stderr about provider fields that litellm's own types do not know.
    warnings.filterwarnings("ignore", module=r"pydantic\.")
    # litellm's logging is asynchronous: what a closing loop no longer gets to is told on stderr, naming these. So are
    # calls that were cancelled while litellm's own thread was about to hand over the coroutine that makes them.
    warnings.filterwarnings(
        "ignore", message=r"coroutine '[\w.<>]*(?:async_|litellm|Logging|acompletion)[\w.<>]*' was never awaited",
        category=RuntimeWarning,
    )  # fmt: skip
    logging.getLogger("rlm_tui").addHandler(logging.NullHandler())
    for name in _NOISY_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [_Forward()]
        logger.propagate = False


_warm = False


async def warm_up() -> None:
    """Import litellm in a thread and make its first call, which costs half a second more than later ones.

    The call goes to a local port where nothing listens; nothing leaves the machine. Does nothing a second time.
    """
    global _warm
    if _warm:
        return
    litellm = await asyncio.to_thread(load_litellm)
    import openai

    _warm = True
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound but not listening: every connection is refused
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        # Nothing listens, so the call fails, on purpose.
        with contextlib.suppress(openai.OpenAIError):
            await litellm.acompletion(
                model="openai/warm-up",
                messages=[{"role": "user", "content": "x"}],
                tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
                stream=True,
                api_base=address,
                api_key="none",
                num_retries=0,
                max_retries=0,
            )
