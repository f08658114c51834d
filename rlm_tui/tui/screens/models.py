"""`/model`: what is available and what it costs, why the rest is not, the sub-calls' model, the effort, and keys."""

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static

from rlm_tui.errors import ConfigError
from rlm_tui.text import one_line, safe_text
from rlm_tui.tui.screens.dialog import Dialog
from rlm_tui.tui.screens.dialogs import Choice, ChooseDialog
from rlm_tui.tui.screens.offers import ModelRow, find_rows

if TYPE_CHECKING:
    from rlm_tui.config.options import AppOptions
    from rlm_tui.loop.assistant import Assistant
    from rlm_tui.session.state import SessionState
    from rlm_tui.tui.bridge import Bridge

EFFORTS = ("", "minimal", "low", "medium", "high")
_KEYS = "enter: use it   ctrl+s: for sub-calls   ctrl+e: reasoning effort   ctrl+k: enter its key   esc: close"


class ModelsDialog(ChooseDialog):
    """The list of models. Returns the chosen one; the other choices are made while it stays open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "sub", "For sub-calls", show=False, priority=True),
        Binding("ctrl+e", "effort", "Reasoning effort", show=False, priority=True),
        Binding("ctrl+k", "key", "Enter a key", show=False, priority=True),
    ]

    def __init__(self, actions: "ModelActions") -> None:
        super().__init__("Models", [Choice("offline", "● offline", "built in")], hint=_KEYS, free=True)
        self._actions = actions
        self._rows: dict[str, ModelRow] = {}

    def on_mount(self) -> None:
        """Fill the list, and look for more."""
        super().on_mount()
        column = self.query_one(Vertical)
        column.mount(Static(Content(""), id="model-in-force", markup=False), after=0)
        column.mount(Static(Content(""), id="model-limits", classes="hint", markup=False), before=column.children[-1])
        self.call_after_refresh(self.show_choices)
        self.look()

    def look(self) -> None:
        """Look around (again): servers may have come, keys may have been entered."""

        async def work() -> None:
            options = self._actions.options
            rows = await find_rows(options.loaded.settings, options.paths.home)
            self._rows = {row.model: row for row in rows}
            self.replace_choices([row.choice for row in rows])
            self.show_choices()

        self.run_worker(work(), exclusive=True, group="offers")

    def show_choices(self) -> None:
        """Show what is in force, and the limits of the model at the cursor."""
        state = self._actions.state
        effort = state.settings.get("reasoning", self._actions.options.loaded.settings.model.reasoning)
        model, sub = one_line(state.model or "offline", 60), one_line(state.sub_model, 60) or "the same"
        self.query_one("#model-in-force", Static).update(
            Content.assemble(
                ("in force ", "$text-muted"), (model, "bold"), ("   sub-calls ", "$text-muted"), (sub, ""),
                ("   reasoning effort ", "$text-muted"), (effort or "the provider's own", ""),
            )
        )  # fmt: skip
        self._show_limits()

    @on(OptionList.OptionHighlighted)
    def _show_limits(self) -> None:
        row = self._rows.get(self.current or "")
        if row is None:
            text = "Any litellm name works, such as anthropic/…, openai/…, ollama_chat/…."
        elif row.missing:
            text = f"{row.missing}: ctrl+k enters a key." if row.variable else f"{row.missing}."
        else:
            text = row.limits
        for line in self.query("#model-limits").results(Static):
            line.update(Content(safe_text(text, newlines=False)))

    # --- choices ---------------------------------------------------------------------------------------

    def action_sub(self) -> None:
        """Use the model at the cursor for sub-calls; the one that they have already: the same as the others."""
        model = self.current or self.query_one(Input).value.strip()
        if model:
            self._actions.use_sub_model("" if model == self._actions.state.sub_model else model, self._again)

    def action_effort(self) -> None:
        """Take the next reasoning effort."""
        now = self._actions.state.settings.get("reasoning", self._actions.options.loaded.settings.model.reasoning)
        at = EFFORTS.index(now) if now in EFFORTS else 0
        self._actions.use_effort(EFFORTS[(at + 1) % len(EFFORTS)], self._again)

    def _again(self) -> None:
        """The engine has done it; the event reaches the state within a frame or two."""
        if self.is_attached:
            self.set_timer(0.1, self.show_choices)

    def action_key(self) -> None:
        """Enter a key for the provider of the model at the cursor."""
        from rlm_tui.models.providers import find_provider, prefix_of

        row = self._rows.get(self.current or "")
        variable = row.variable if row is not None else ""
        provider = find_provider(prefix_of(row.model)) if row is not None else None
        if not variable and provider is not None:
            variable = provider.key_variables[0]
        if not variable:
            self.app.notify("This one needs no key, or its key has no known name.", markup=False)
            return

        def entered(done: bool | None) -> None:
            if done:
                self.look()

        self.app.push_screen(KeyDialog(self._actions.options, variable), entered)


class KeyDialog(Dialog[bool]):
    """Asks for a key, once; it goes into the system's keyring and nowhere else. Returns whether it was stored."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close", show=False)]

    def __init__(self, options: "AppOptions", variable: str) -> None:
        super().__init__(classes="dialog")
        self._options = options
        self._variable = variable

    def compose(self) -> ComposeResult:
        """Lay out heading, the hidden input, and what happens with it."""
        with Vertical():
            yield Static(Content(f"Key for {self._variable}"), classes="heading", markup=False)
            yield Input(password=True, placeholder="paste the key; it is not shown")
            yield Static(Content(""), classes="hint", id="key-hint", markup=False)

    def on_mount(self) -> None:
        """Say where the key goes, once it is known whether there is a keyring."""
        self.query_one(Input).focus()
        self._say("enter stores it in the system's keyring   esc: close")
        self.run_worker(self._look(), group="keyring")

    async def _look(self) -> None:
        import asyncio

        from rlm_tui.models.keys import no_keyring

        if problem := await asyncio.to_thread(no_keyring):
            self.query_one(Input).disabled = True
            self._say(
                f"{problem} Put the key into the environment: `export {self._variable}=...` where your shell starts."
            )

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        key = message.value
        message.input.value = ""
        self._say("storing…")
        self.run_worker(self._store(key), exclusive=True, group="storing")

    async def _store(self, key: str) -> None:
        import asyncio

        from rlm_tui.models.keys import key_store

        try:
            await asyncio.to_thread(key_store(self._options.paths.home).put, self._variable, key)
        except ConfigError as error:
            self._say(str(error))
        else:
            self.app.notify(f"{self._variable} is in the system's keyring.", markup=False)
            self.dismiss(True)

    def _say(self, text: str) -> None:
        self.query_one("#key-hint", Static).update(Content(safe_text(text)))

    def action_close(self) -> None:
        """Close without a key."""
        self.dismiss(False)


class ModelActions(Screen[None]):
    """`/model` of the main screen."""

    if TYPE_CHECKING:
        options: AppOptions
        state: SessionState
        bridge: Bridge

        def tell(self, text: str, severity: str = "information") -> None: ...
        def keep_choice(self, key: str, value: str) -> None: ...

    def do_choose_model(self) -> None:
        """Choose a model from what is available here, or name another."""

        def chosen(model: str | None) -> None:
            if model:
                self.use_model(model)

        self.app.push_screen(ModelsDialog(self), chosen)

    def use_model(self, model: str) -> None:
        """Use a model from the next call on, and remember it where it can be used."""
        sub = self.state.sub_model

        def work(assistant: "Assistant") -> None:
            if assistant.choose_model(model, sub):
                self.app.call_later(self._used, "model.name", model, f"Model: {one_line(model, 60)}")

        self._ask(work)

    def use_sub_model(self, model: str, then: "Done") -> None:
        """Use a model for sub-calls (empty: the same as for the others), and remember it; `then` is called after."""
        main = self.state.model

        def work(assistant: "Assistant") -> None:
            if assistant.choose_model(main, model):
                said = f"Model of sub-calls: {one_line(model, 60)}" if model else "Sub-calls use the same model."
                self.app.call_later(self._used, "model.sub", model, said, then)

        self._ask(work)

    def use_effort(self, effort: str, then: "Done") -> None:
        """Use a reasoning effort from the next turn on, and remember it; `then` is called after."""

        def work(assistant: "Assistant") -> None:
            assistant.choose_reasoning(effort)
            self.app.call_later(self._used, "model.reasoning", effort, "", then)

        self._ask(work)

    def _ask(self, work: "Work") -> None:
        if not self.bridge.call(work):
            self.tell("The session is still being opened: try again in a moment.", "warning")

    def _used(self, key: str, value: str, said: str, then: "Done | None" = None) -> None:
        self.keep_choice(key, value)
        if said:
            self.tell(said)
        if then is not None:
            then()


if TYPE_CHECKING:
    from collections.abc import Callable

    Done = Callable[[], None]
    Work = Callable[[Assistant], object]
