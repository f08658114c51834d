"""Secrets masked in everything that is exported, with a count of what was masked.

In the text of entries a mask takes as many characters as the secret did, since offsets must stay what they are.
"""

import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from rlm_tui import events as ev
from rlm_tui.redact import MASK, named_secrets, quick_check, secrets_in
from rlm_tui.session.outputs import digest


class Masker:
    """Masks texts and whole events. `found` counts the masked secrets by kind, such as `bearer token`."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """Mask the key-like values of `environ` (the process's own if not given), entered keys, and known formats."""
        self._values = named_secrets(os.environ if environ is None else environ)
        self._written = [msgspec.json.encode(value)[1:-1] for value in self._values]
        self._may_hold = quick_check()
        self.found: Counter[str] = Counter()

    def text(self, text: str, *, same_length: bool = False) -> str:
        """Return `text` with every secret replaced by `[redacted]`; with `same_length`, padded or cut to its length."""
        secrets = secrets_in(text, self._values)
        if not secrets:
            return text
        pieces, place = [], 0
        for start, end, what in secrets:
            self.found[what] += 1
            mask = MASK[: end - start].ljust(end - start, "*") if same_length else MASK
            pieces += [text[place:start], mask]
            place = end
        return "".join([*pieces, text[place:]])

    def may_concern(self, line: bytes) -> bool:
        """Tell quickly whether a JSON text may hold a secret in one of its strings; False is certain."""
        return bool(self._may_hold(line)) or any(value in line for value in self._written)

    def envelope(self, envelope: ev.Envelope) -> ev.Envelope:
        """Return an envelope without secrets: itself where it holds none."""
        event = envelope.event
        if isinstance(event, ev.EntryAppended):
            return replace(envelope, event=self._entry(event))
        masked = self._value(msgspec.to_builtins(event))
        if masked == msgspec.to_builtins(event):
            return envelope
        return replace(envelope, event=msgspec.convert(masked, type(event)))

    def _entry(self, event: ev.EntryAppended) -> ev.EntryAppended:
        text = self.text(event.text, same_length=True)
        event = replace(event, label=self.text(event.label), note=self.text(event.note))
        return event if text == event.text else replace(event, text=text, sha=digest(text))

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self._value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(inner) for inner in value]
        return value
