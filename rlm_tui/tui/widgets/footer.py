"""The one-line footer: the keys that work here at left, the state of the indexes at right."""

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget


class FooterLine(Widget):
    """Shows key hints (key, word) and a short status."""

    DEFAULT_CSS = "FooterLine { height: 1; background: $panel; color: $text-muted; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._hints: tuple[tuple[str, str], ...] = ()
        self._status = ""

    def show(self, hints: Sequence[tuple[str, str]], status: str) -> None:
        """Take hints and status; refresh only where they changed."""
        if (tuple(hints), status) != (self._hints, self._status):
            self._hints, self._status = tuple(hints), status
            self.refresh()

    def render(self) -> Content:
        """Return as many hints as fit beside the status."""
        room = self.size.width - len(self._status) - 2
        parts: list[tuple[str, str]] = [(" ", "")]
        for key, word in self._hints:
            need = len(key) + len(word) + 3
            if need > room:
                break
            room -= need
            parts += [(key, "bold $accent"), (f" {word}  ", "$text-muted")]
        parts.append((" " * max(0, room) + self._status, "$text-muted"))
        return Content.assemble(*parts)
