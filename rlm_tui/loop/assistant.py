"""The assistant: one session wired together, for the screen, headless runs and the Python API alike.

It opens or resumes a session, brings the project into its context, runs turns one after the other, follows file
changes, and closes everything again. It lives on one event loop; its methods are called on that loop. What happens
is told through the session's envelopes and in no other way.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from rlm_tui import events as ev
from rlm_tui.config.agents import BUILD
from rlm_tui.config.commands import BUILT_IN_COMMANDS
from rlm_tui.config.extras import Extras, load_extras
from rlm_tui.config.options import AppOptions
from rlm_tui.config.project_rules import drop_rule, keep_rule
from rlm_tui.config.settings import Settings
from rlm_tui.context.corpus import needs_confirmation
from rlm_tui.context.ignore import IgnoreRules
from rlm_tui.errors import ModelError, RlmTuiError, UsageError
from rlm_tui.loop.acting import Acting
from rlm_tui.loop.agents import Agents
from rlm_tui.loop.approvals import Approvals
from rlm_tui.loop.engine import Engine
from rlm_tui.loop.housekeeping import keep_house
from rlm_tui.loop.opening import opened_session, policy_in_force
from rlm_tui.loop.project import ProjectContext
from rlm_tui.loop.rules import find_rules, rules_text, show_rules
from rlm_tui.loop.turns import TurnEnd, Turns
from rlm_tui.loop.undo import Undo
from rlm_tui.mcp_client.servers import Servers
from rlm_tui.models.keys import key_store
from rlm_tui.models.port import ModelClient
from rlm_tui.models.providers import OFFLINE, is_offline
from rlm_tui.models.router import keyed_environ, make_client
from rlm_tui.repl.pool import ReplPool
from rlm_tui.sandbox.finding import Found, find_containment
from rlm_tui.session.session import Session
from rlm_tui.tools.context import context_tools
from rlm_tui.tools.python_tool import Python
from rlm_tui.tools.recurse import recursion_tools
from rlm_tui.tools.registry import Registry
from rlm_tui.tools.work.registry import work_tools
from rlm_tui.tools.work.shell import Shell
from rlm_tui.workspace.project_files import ProjectFiles
from rlm_tui.workspace.snapshots import SnapshotStore


class Assistant:
    """One open session. `await open()` first; `await close()` last."""

    def __init__(
        self,
        options: AppOptions,
        listener: Callable[[ev.Envelope], None],
        *,
        strict: bool = False,
        attended: bool = False,
    ) -> None:
        """`strict` raises where a model cannot be used; otherwise a notice says so and `offline` stands in.

        `attended` is whether a person can be asked; where nobody can, whatever would ask is refused.
        """
        self.options = options
        self.attended = attended
        self._strict = strict
        self._listener = listener
        self.settings: Settings = options.loaded.settings
        self.session: Session
        self.engine: Engine
        self.project: ProjectContext
        self.files: ProjectFiles
        self.undo: Undo
        self.shell: Shell
        self.approvals: Approvals
        self.mcp: Servers
        self.extras = Extras()
        self.agents: Agents
        self._tools_for: tuple[bool, str] = (False, "")
        self.turns = Turns(self)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ingest: asyncio.Task[None] | None = None
        self._rules_told = ""
        self.repls = ReplPool(self.settings.sandbox.mode)

    # --- opening and closing ---------------------------------------------------------------------------

    async def open(self) -> None:
        """Create or resume the session and start reading the project.

        Raises `UsageError` or `SessionError` when there is no such session or it cannot be opened.
        """
        self.session, found = await asyncio.gather(
            asyncio.to_thread(opened_session, self.options, self._listener), asyncio.to_thread(self._find_sandbox)
        )
        await asyncio.to_thread(key_store(self.options.paths.home).preload)
        self.project = ProjectContext(self.session, self.options.paths.home, self.settings.context)
        self.files = ProjectFiles(
            self.options.project, SnapshotStore(self.session.directory / "snapshots"), self._note_snapshot,
            IgnoreRules(patterns=tuple(self.settings.context.ignore)),
        )  # fmt: skip
        self.undo = Undo(self.session, self.files)
        self.extras = await asyncio.to_thread(
            load_extras, self.options.paths, self.options.project, self.options.loaded, BUILT_IN_COMMANDS
        )
        self.agents = Agents(self.extras.agents, self._client)
        self._make_approvals(found)
        self.mcp = Servers(
            self.settings.mcp, self.options.project, self.options.paths.home, self.notice, self._tools_changed
        )
        self._make_engine()
        self._start_agent()
        for problem in (*self.options.loaded.problems, *self.extras.problems):
            self.session.record(ev.Notice("warning", str(problem)))
        for label, text in self.options.attach_texts:
            self.session.append_entry("file", label, text)
        self.mcp.start()
        self.spawn(keep_house(self.session), "housekeeping")
        self._ingest = self.spawn(self._read_project(), "ingest")

    def _note_snapshot(self, snapshot: str, paths: tuple[str, ...]) -> None:
        turn = self.session.state.running_turn
        self.session.record(ev.SnapshotTaken(snapshot, paths, turn.number if turn is not None else 0))
        self.session.barrier()

    def _find_sandbox(self) -> Found:
        settings = self.settings.sandbox
        return find_containment(settings.mode, network=settings.network, project=self.options.project)

    def _make_approvals(self, found: Found) -> None:
        paths, project, session = self.options.paths, self.options.project, self.session
        hidden = (paths.home.resolve(), paths.config_dir.resolve())
        self.shell = Shell(project, self.settings.sandbox, found, hidden=hidden, attended=self.attended)
        policy = policy_in_force(session, self.options, self.settings, found)
        self.approvals = Approvals(
            session, policy, attended=self.attended, keep=lambda rule: keep_rule(paths, project, rule)
        )

    def set_approval(self, approval: str) -> None:
        """Let another approval mode decide from now on; what waits and may go on by it goes on."""
        self.approvals.set_approval(approval)
        self.session.record(ev.SettingChosen("approval", self.approvals.policy.approval))

    def forget_rule(self, rule: str) -> None:
        """Let a rule that was allowed in this session, or kept for the project, hold no longer."""
        drop_rule(self.options.paths, self.options.project, rule)
        self.approvals.forget(rule)

    def _make_engine(self) -> None:
        state, model = self.session.state, self.settings.model
        if self.options.flags.get("model.mode") and model.mode != state.settings.get("mode"):
            self.session.record(ev.SettingChosen("mode", model.mode))
        chosen = (model.name, model.sub) if self.options.flags.get("model.name") else (state.model, state.sub_model)
        try:
            self._use_models(chosen[0] or OFFLINE, chosen[1])
        except ModelError as error:
            if self._strict:
                self.session.close("failed")
                raise
            self.session.record(ev.Notice("error", f"{error} Until then the offline model answers."))
            self._use_models(OFFLINE, "")
            chosen = (OFFLINE, "")
        if chosen != (state.model, state.sub_model):
            self.session.record(ev.ModelChosen(*chosen))

    def _use_models(self, model: str, sub_model: str) -> None:
        environ = keyed_environ(self.options.paths.home)
        client = make_client(model, self.settings, environ)
        self._tools_for = (is_offline(model), self._mode)
        sub_client = make_client(sub_model, self.settings, environ) if sub_model else client
        self.engine = Engine(
            self.session, client, self._registry(model, self._mode), self.settings, self.options.project,
            sub_client=sub_client, call_ended=self.repls.end_call,
            prompts=self.options.paths.config_dir / "prompts", rules=self._rules,
        )  # fmt: skip
        self.engine.permits = self.engine.person = self.approvals
        self.engine.tools_ready = self._tools_ready
        self.engine.find_agent = self.agents.find

    def _client(self, model: str) -> ModelClient:
        return make_client(model, self.settings, keyed_environ(self.options.paths.home))

    @property
    def _mode(self) -> str:
        return self.session.state.settings.get("mode", "tools")

    def _rules(self) -> str:
        if self._tools_for[0]:
            return ""  # the offline model reads no instructions
        files = find_rules(self.options.project, self.options.paths.config_dir)
        named = ", ".join(str(file.path) for file in files)
        if named != self._rules_told:
            self._rules_told = named
            told = (
                f"Rules of {named} are part of what the model is told." if named else "No rules are in force any more."
            )
            self.session.record(ev.Notice("info", told))
        show_rules(self.session, files, self.options.project, self.settings.capture.max_chars)
        return rules_text(files)

    def _registry(self, model: str, mode: str) -> Registry:
        if mode != "repl":
            skills = self.extras.skills
            own = () if is_offline(model) else work_tools(self.files, self.shell, self.agents.told(), skills)
            servers = () if is_offline(model) else self.mcp.tools()
            return Registry((*context_tools(), *recursion_tools(), *own, *servers))
        if is_offline(model):
            self.session.record(
                ev.Notice("info", "The offline model writes no Python: it works with tools until a model is chosen.")
            )
            return Registry((*context_tools(), *recursion_tools()))
        return Registry((Python(self.repls),))

    async def close(self, reason: str = "") -> None:
        """Stop what runs, close the session, and let every file go."""
        self.project.cancel()
        await self.turns.stop()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)
        await asyncio.gather(self.repls.close(), self.mcp.close(), asyncio.to_thread(self.shell.close))
        self.session.close(reason)

    def spawn(self, work: "asyncio._CoroutineLike[None]", name: str) -> asyncio.Task[None]:
        """Run something beside the turns; it is cancelled when the session is closed."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- the project -----------------------------------------------------------------------------------

    async def _read_project(self) -> None:
        root = self.options.project
        question = needs_confirmation(root)
        if question and not self.options.confirmed:
            self.session.record(ev.Notice("warning", f"{question} Nothing of it was read. Attach folders instead."))
        else:
            await self.project.ingest(root)
            if self.settings.context.watch and not question:
                self.spawn(self.project.watch(root), "watch")
        for path in self.options.attach:
            await self.attach(path)

    async def attach(self, path: Path) -> None:
        """Read one more file or folder into the context."""
        if not path.exists():
            self.session.record(ev.Notice("error", f"{path} does not exist, so it was not attached."))
            return
        if not await self.project.attach_shared(path):
            await self.project.ingest(path)

    async def ingested(self) -> None:
        """Wait until the project and everything attached has been read (or that was stopped)."""
        if self._ingest is not None:
            await asyncio.wait({self._ingest})

    # --- turns -----------------------------------------------------------------------------------------

    def send(self, prompt: str, *, command: bool = False) -> None:
        """Ask, or queue the prompt while a turn runs; a `command` was typed to be run, with or without its `!`."""
        self.turns.send(prompt, command=command)

    async def ask(self, prompt: str) -> TurnEnd:
        """Ask and wait for the turn's end. Raises `UsageError` for an empty prompt."""
        return await self.turns.ask(prompt)

    @property
    def queued(self) -> tuple[str, ...]:
        """Prompts that wait for the running turn to end."""
        return self.turns.queued

    def interrupt(self) -> bool:
        """Stop the running turn; queued prompts stay queued no longer."""
        return self.turns.interrupt()

    def cancel_call(self, call: int) -> bool:
        """Stop one sub-call with its sub-tree."""
        return self.engine.cancel_call(call)

    def use_tools_of(self, acting: Acting) -> None:
        """Offer the tools that the agent's model and mode can use, where they differ from those offered now."""
        model = acting.model or self.session.state.model
        mode = self.agents.known(acting.name).settings.mode or self._mode
        if self._tools_for != (is_offline(model), mode):
            self._tools_for = (is_offline(model), mode)
            self.engine.use_tools(self._registry(model, mode))

    # --- agents ----------------------------------------------------------------------------------------

    def _start_agent(self) -> None:
        """Begin as the agent that was asked for, or that the session had. Raises `UsageError` where `strict`."""
        name = self.options.agent or self.session.state.settings.get("agent", "")
        try:
            self.agents.known(name)
        except UsageError as error:
            if self._strict:
                self.session.close("failed")
                raise
            self.notice("error", f"{error} This session goes on as {BUILD}.")
            name = ""
        if name != self.session.state.settings.get("agent", ""):
            self.session.record(ev.SettingChosen("agent", name))

    def choose_agent(self, name: str = "") -> str:
        """Act as another agent from the next turn on (empty: the next in the round); return its name.

        Raises `UsageError` where there is none of that name, `ModelError` where its model cannot be used.
        """
        chosen = name or self.agents.next_after(self.session.state.settings.get("agent", ""))
        self.agents.acting(chosen)
        self.session.record(ev.SettingChosen("agent", "" if chosen == BUILD else chosen))
        return chosen

    def cancel_ingest(self) -> None:
        """Stop reading the project; what is there stays."""
        self.project.cancel()

    # --- models ----------------------------------------------------------------------------------------

    def choose_model(self, model: str, sub_model: str = "") -> bool:
        """Use another model from the next call on; a name that cannot be used becomes a notice, and False."""
        try:
            self._use_models(model or OFFLINE, sub_model)
        except ModelError as error:
            self.session.record(ev.Notice("error", str(error)))
            return False
        self.session.record(ev.ModelChosen(model or OFFLINE, sub_model))
        return True

    def choose_reasoning(self, effort: str) -> None:
        """Use another reasoning effort from the next turn on; empty is the provider's default."""
        self.session.record(ev.SettingChosen("reasoning", effort))

    async def warm_up(self) -> None:
        """Load what the chosen model needs, so that the first call does not wait for it."""
        await self.engine.client.warm_up()

    # --- servers of tools ------------------------------------------------------------------------------

    def notice(self, level: Literal["info", "warning", "error"], text: str) -> None:
        self.session.record(ev.Notice(level, text))

    def _tools_changed(self) -> None:
        """Offer what the servers have now, from the next call on."""
        offline, mode = self._tools_for
        if not offline and mode != "repl":
            self.engine.use_tools(self._registry(self.session.state.model, mode))

    async def _tools_ready(self) -> None:
        """Give servers that are starting a moment, where their tools would be used."""
        if self._tools_for[0] is False and self._tools_for[1] != "repl":
            await self.mcp.settled()

    async def attach_resource(self, server: str, uri: str) -> None:
        """Put a resource of an MCP server into the context; what goes wrong becomes a notice."""
        try:
            label, text = await self.mcp.read(server, uri)
            self.session.append_parts("file", label, text, self.settings.capture.max_chars)
        except RlmTuiError as error:
            self.notice("error", str(error))
        else:
            self.notice("info", f"{label} is in the context: {len(text):,} characters.")
