"""The first page: what the program is, what the offline model can and cannot do, and which models it found."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from rlm_tui.config.options import AppOptions
from rlm_tui.text import one_line
from rlm_tui.tui.screens.dialogs import Choice


class OfferChosen(Message):
    """The person chose a model on the first page."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self.model = model


class Welcome(VerticalScroll):
    """Shown until the first prompt."""

    BINDINGS: ClassVar[list[BindingType]] = []
    DEFAULT_CSS = """
    Welcome { padding: 1 2; }
    Welcome Static { height: auto; margin-bottom: 1; }
    Welcome OptionList { height: auto; border: none; background: $ground; padding: 0; }
    """

    def __init__(self, options: AppOptions, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._options = options
        self._choices: list[Choice] = []
        self.can_focus = False

    def compose(self) -> ComposeResult:
        """Lay out the page."""
        model = self._options.loaded.settings.model.name or "offline"
        yield Static(
            Content.assemble(
                ("rlm-tui", "bold $accent"),
                ("  ask about this project; watch how the answer is found", ""),
            ),
            markup=False,
        )
        if model == "offline":
            yield Static(
                Content.assemble(
                    ("The model is ", ""), ("offline", "bold"),
                    (": built in, no language model, no key, no network.\n", ""),
                    ("It can ", ""), ("find and quote", "bold"),
                    (" the places that answer a question about these files, with exact offsets.\n", ""),
                    ("It cannot reason, write or change code: choose a language model for that.", "$text-muted"),
                ),
                markup=False,
            )  # fmt: skip
        else:
            yield Static(Content.assemble(("Model: ", "$text-muted"), (one_line(model, 60), "bold")), markup=False)
        yield Static(
            Content.assemble(
                ("Try   ", "$text-muted"), ("Where is the version of this project decided?\n", ""),
                ("      ", ""), ("Which functions read the configuration?\n\n", ""),
                ("tab", "bold $accent"), (" moves between panes   ", "$text-muted"),
                ("F1", "bold $accent"), (" all keys   ", "$text-muted"),
                ("ctrl+p", "bold $accent"), (" commands", "$text-muted"),
            ),
            markup=False,
        )  # fmt: skip
        yield Static(Content(""), id="offers-heading", markup=False)
        yield OptionList(id="offers", markup=False)

    def on_mount(self) -> None:
        """Hide the list of models until some are found."""
        self.query_one("#offers").display = False

    def opened(self) -> None:
        """The session is open: look for models to offer."""
        if not self._options.loaded.settings.model.name:
            self.run_worker(self._look(), exclusive=True)

    async def _look(self) -> None:
        from rlm_tui.tui.screens.offers import find_offers

        self._choices = [
            c
            for c in await find_offers(self._options.loaded.settings, self._options.paths.home)
            if c.value != "offline"
        ]
        if not self._choices:
            text = "No key and no local model was found. ctrl+x m names any model; ctrl+k there enters a key."
        else:
            text = "Found here, none is used before you choose it:"
            options = self.query_one("#offers", OptionList)
            options.add_options([Option(f"{c.label}  ({c.note})") for c in self._choices])
            options.display = True
        self.query_one("#offers-heading", Static).update(Content.styled(text, "$text-muted"))

    @on(OptionList.OptionSelected)
    def _chosen(self, message: OptionList.OptionSelected) -> None:
        message.stop()
        self.post_message(OfferChosen(self._choices[message.option_index].value))
