"""The base of every dialog."""

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, ScreenResultType


class Dialog(ModalScreen[ScreenResultType]):
    """A modal screen that ends once.

    Textual's `dismiss` takes down whatever screen is on top, so a second key that was pressed before the first had its
    effect would take down the screen below.
    """

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close with `result`, unless it is closed already or another dialog is above."""
        return super().dismiss(result) if self.is_active else AwaitComplete()
