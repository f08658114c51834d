"""The thread on which the API's engines run: one event loop for the whole process, started on first use.

Callers may have a loop of their own or none; neither is blocked by the engine's work, and the model client's
connections stay open from one question to the next.
"""

import asyncio
import os
import threading

_lock = threading.Lock()
_running: "tuple[int, asyncio.AbstractEventLoop] | None" = None


def engine_loop() -> asyncio.AbstractEventLoop:
    """Return the engine's loop, running in a daemon thread of its own. A forked process gets a new one."""
    global _running
    with _lock:
        if _running is None or _running[0] != os.getpid():
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="rlm-engine", daemon=True).start()
            _running = (os.getpid(), loop)
        return _running[1]
