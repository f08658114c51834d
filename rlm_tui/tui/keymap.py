"""Which keys do what: the registry's own, changed by the person's `[keys]`; what cannot be as wished is told."""

import unicodedata
from collections.abc import Mapping

from textual.binding import Binding
from textual.keys import Keys

from rlm_tui.config.checking import nearest
from rlm_tui.tui.actions import ACTIONS, Action

_MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})
_NAMED = frozenset(key.value for key in Keys)
_BY_NAME = {action.name: action for action in ACTIONS}


class Keymap:
    """The keys in force. `problems` are sentences about keys of the person's own."""

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        """`own` are keys by an action's name, `"ctrl+t,f3"`; an empty text takes an action's keys away."""
        self.problems: list[str] = []
        wishes = {name: keys for name in own or {} if (keys := self._read(name, (own or {})[name])) is not None}
        self._own = frozenset(wishes)
        self._keys: dict[str, tuple[str, ...]] = {action.name: action.keys for action in ACTIONS} | wishes
        self._settle(wishes)

    def _read(self, name: str, text: str) -> tuple[str, ...] | None:
        """Return the keys that a text names; None where the name or one of the keys is none."""
        if name not in _BY_NAME:
            near = nearest(name, _BY_NAME)
            hint = f"did you mean `{near}`?" if near else "F1 lists the names."
            self.problems.append(f"[keys]: there is no action `{name}`: {hint}")
            return None
        keys = tuple(key.strip() for key in text.split(",") if key.strip())
        wrong = [key for key in keys if not is_key(key)]
        if wrong:
            self.problems.append(
                f"[keys]: `{wrong[0]}` (of `{name}`) is no key: write it as in `ctrl+t`, `f3`, `question_mark`."
            )
            return None
        return keys

    def _settle(self, wishes: Mapping[str, tuple[str, ...]]) -> None:
        """Give each key to one action: a wish beats what a key does otherwise, and the first wish a later one."""
        taken: dict[str, str] = {}
        for name in (*wishes, *(name for name in self._keys if name not in wishes)):
            kept = []
            for key in self._keys[name]:
                other = taken.setdefault(key, name)
                if other == name:
                    kept.append(key)
                    continue
                left = [k for k in self._keys[name] if taken.get(k, name) == name]
                rest = f"has {', '.join(left)} left" if left else "has no key any more"
                self.problems.append(f"[keys]: `{key}` means `{other}`; `{name}` {rest}.")
            self._keys[name] = tuple(kept)

    def keys_of(self, action: Action) -> tuple[str, ...]:
        """Return an action's keys."""
        return self._keys[action.name]

    @property
    def leader(self) -> str:
        """The leader key as people read it."""
        keys = self._keys["leader"]
        return _shown(keys[0]) if keys else "(leader)"

    def hint(self, action: Action) -> str:
        """Return an action's first key, short, for the footer; empty where it has none."""
        keys = self.keys_of(action)
        return {"escape": "esc"}.get(keys[0], _shown(keys[0])) if keys else ""

    def text(self, action: Action) -> str:
        """Return an action's keys as people read them: `ctrl+x m`, `F1`."""
        keys = [_shown(key) for key in self.keys_of(action)]
        if action.leader:
            keys.append(f"{self.leader} {action.leader}")
        return ", ".join(keys)

    def bindings(self) -> list[Binding]:
        """Return the main screen's bindings. The person's own come before those of the prompt and the panes, but for
        letters and signs, which are typed there.
        """
        return [
            Binding(
                key, f"run('{action.name}')", action.label, show=False, id=action.name,
                priority=action.priority or (action.name in self._own and _is_no_letter(key)),
            )
            for action in ACTIONS
            for key in self.keys_of(action)
        ]  # fmt: skip


def is_key(key: str) -> bool:
    """Tell whether Textual knows a key of this name: `ctrl+t`, `f3`, `question_mark`, `é`."""
    *modifiers, base = key.split("+") if key != "+" else [key]
    if not base or not _MODIFIERS.issuperset(modifiers):
        return False
    if len(base) == 1 or base in _NAMED or key in _NAMED:
        return True
    try:
        unicodedata.lookup(base.replace("_", " ").upper())
    except KeyError:
        return False
    return True


def _shown(key: str) -> str:
    return key.upper() if key[0] == "f" and key[1:].isdigit() else key


def _is_no_letter(key: str) -> bool:
    return "ctrl+" in key or "alt+" in key or (key in _NAMED and len(key) > 1 and key not in ("enter", "escape", "tab"))
