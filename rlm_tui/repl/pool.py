"""The REPLs of a session: one of the conversation, kept from turn to turn, and one of each sub-call."""

import asyncio

from rlm_tui.errors import ToolError
from rlm_tui.repl.process import Repl
from rlm_tui.repl.sandbox import Sandbox, find_sandbox


class ReplPool:
    """Makes REPLs when they are first used. Lives on one event loop; `await close()` last."""

    def __init__(self, mode: str = "auto", sandbox: Sandbox | None = None) -> None:
        """`mode` is the setting `[sandbox] mode`: `auto`, `required` or `off`. `sandbox` replaces what is found."""
        self._mode = mode
        self._sandbox = sandbox
        self._root: Repl | None = None
        self._root_call = 0
        self._subs: dict[int, Repl] = {}

    async def get(self, call: int, depth: int) -> tuple[Repl, bool]:
        """Return the REPL of a call, and whether the call has not used it before.

        Raises `ToolError` where a sandbox is required and none works.
        """
        if depth > 0:
            known = self._subs.get(call)
            if known is None:
                known = self._subs[call] = await self._made()
                return known, True
            return known, False
        if self._root is None:
            self._root = await self._made()
        fresh, self._root_call = call != self._root_call, call
        return self._root, fresh

    async def _made(self) -> Repl:
        return Repl(await self._found(), unconfined=self._mode == "off")

    async def _found(self) -> Sandbox:
        if self._sandbox is None:
            self._sandbox = await asyncio.to_thread(find_sandbox, wanted=self._mode != "off")
        if self._mode == "required" and not self._sandbox.wrapped:
            raise ToolError(
                f"Code runs in bubblewrap only, as the setting `sandbox.mode` says, and here {self._sandbox.why_not}."
            )
        return self._sandbox

    async def end_call(self, call: int) -> None:
        """Let the REPL of a sub-call go; that of the conversation stays."""
        repl = self._subs.pop(call, None)
        if repl is not None:
            await repl.close()

    async def close(self) -> None:
        """End every worker."""
        repls = [*self._subs.values(), *([self._root] if self._root is not None else [])]
        self._subs.clear()
        self._root = None
        await asyncio.gather(*(repl.close() for repl in repls))
