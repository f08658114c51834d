"""Public cases of other assistants' permission checks, run when `RLM_TUI_CORPORA` names their folder.

Authors disagree on purpose. Every row on which this program differs falls under one of the reasons below, and no row
that must not run unasked may do so for any other reason.
"""

import json
import os
from collections import Counter
from pathlib import Path, PurePath

import pytest

from rlm_tui.permissions.places import is_protected
from rlm_tui.permissions.policy import Containment, Decision, Deed, Policy
from rlm_tui.permissions.rules import Rule

CORPORA = Path(os.environ["RLM_TUI_CORPORA"]) if os.environ.get("RLM_TUI_CORPORA") else None
pytestmark = pytest.mark.skipif(CORPORA is None, reason="RLM_TUI_CORPORA names no folder of public cases")

STRICTER = "asks about substitutions, background jobs and regrettable commands even where each part is allowed"
LOOKS = "a command that only looks at the project runs unasked, whatever rules there are"
NO_TERMINAL = "an interactive program asks: it gets no terminal, so it ends at once"
ACTING_FIND = "judges what find does and not only its punctuation"
EMPTY = "an empty command asks"

DECLARED = {
    LOOKS: 22,
    STRICTER: 6,
    NO_TERMINAL: 2,
    ACTING_FIND: 2,
    EMPTY: 1,
}
"""How many rows differ, by the reason."""


def rows(name: str) -> list[dict[str, object]]:
    assert CORPORA is not None
    lines = (CORPORA / "shell-permission" / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def rules(words: object) -> tuple[Rule, ...]:
    """A peer's allow list as rules: a program's name there stands for it with any arguments."""
    named = [str(word) for word in words] if isinstance(words, list) else []
    return tuple(Rule("bash", "*" if word in ("*", "__ALL__") else f"{word} *") for word in named)


def decide(row: dict[str, object], project: Path, allow: tuple[Rule, ...]) -> Decision:
    policy = Policy(project, allow=allow, deny=rules(row.get("deny")), containment=Containment.SANDBOXED)
    return policy.decide(Deed("bash", str(row["command"])))


def reason_of(row: dict[str, object], decision: Decision, project: Path) -> str:
    """Return the declared reason for which `decision` may differ from the row's, an empty string for none."""
    command = str(row["command"])
    if decision.verdict == "allow":
        return LOOKS if decide(row, project, ()).verdict == "allow" else ""
    if row["expect"] == "deny":
        return NO_TERMINAL
    if not command.strip():
        return EMPTY
    return ACTING_FIND if command.startswith("find") else STRICTER


def test_every_difference_from_a_peer_has_its_reason(tmp_path: Path) -> None:
    found: Counter[str] = Counter()
    unexplained = []
    for row in (*rows("peers.jsonl"), *rows("deepagents.jsonl")):
        decision = decide(row, tmp_path, rules(row.get("allow")))
        got: object = decision.verdict
        if row["kind"] == "dangerous" and isinstance(row["expect"], str):
            got = "warn" if decision.warning else "no-warn"
        elif isinstance(row["expect"], bool):
            got = (decision.verdict == "allow") is (row["kind"] == "allow")
        if got == row["expect"]:
            continue
        reason = reason_of(row, decision, tmp_path)
        found[reason] += 1
        if not reason:
            unexplained.append((row, decision))
    assert unexplained == []
    assert found == DECLARED


def test_what_a_peer_calls_dangerous_never_runs_unasked(tmp_path: Path) -> None:
    for row in rows("peers.jsonl"):
        if row["kind"] == "dangerous" and row["expect"] == "warn":
            decision = decide(row, tmp_path, (Rule("bash"),))
            assert decision.verdict != "allow", row


def test_protected_paths_are_those_of_a_peer() -> None:
    assert CORPORA is not None
    paths = json.loads((CORPORA / "protected-paths" / "srt.json").read_text(encoding="utf-8"))
    for name in paths["must_deny_write"]:
        for variant in (name, f"sub/deeper/{name}", name.upper(), name.title()):
            assert is_protected(PurePath(variant)), variant
    for name in paths["must_allow_write"]:
        assert not is_protected(PurePath(name)), name
