"""The one registry of what a person can do by key: bindings, help, footer and palette are all made from it.

Which keys are in force, with the person's own, is in `keymap.py`.

Keys of single panes (the browser's `g`, the trace's `o`, ...) are declared by their widgets and gathered by the help.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `keys` work anywhere on the main screen, `leader` after Ctrl+X. `name` is the method's."""

    name: str
    label: str
    group: str
    keys: tuple[str, ...] = ()
    leader: str = ""
    footer: str = ""
    priority: bool = False
    palette: bool = True


ACTIONS: tuple[Action, ...] = (
    Action("next_pane", "Next pane", "Panes", ("tab",), footer="pane", palette=False),
    Action("previous_pane", "Previous pane", "Panes", ("shift+tab",), palette=False),
    Action("zoom", "Zoom this pane", "Panes", ("f11",), leader="z", footer="zoom"),
    Action("go_prompt", "Go to the prompt", "Panes", leader="p"),
    Action("go_context", "Go to the context browser", "Panes", leader="c"),
    Action("go_trace", "Go to the trace", "Panes", leader="t"),
    Action("next_layout", "Next layout: auto, columns, stacked, chat alone", "Panes", leader="l"),
    Action("wider", "More room for the chat", "Panes", ("alt+right",)),
    Action("narrower", "Less room for the chat", "Panes", ("alt+left",)),
    Action("taller", "More room for the context browser", "Panes", ("alt+shift+down",)),
    Action("shorter", "Less room for the context browser", "Panes", ("alt+shift+up",)),
    Action("interrupt", "Interrupt the running turn", "Session", ("escape",), footer="interrupt", palette=False),
    Action("copy_or_quit", "Copy, interrupt, or (twice) quit", "Session", ("ctrl+c",), priority=True, palette=False),
    Action("quit_when_empty", "Quit when the prompt is empty", "Session", ("ctrl+d",), priority=True, palette=False),
    Action("palette", "Command palette", "Program", ("ctrl+p",), footer="palette", priority=True, palette=False),
    Action("help", "Help: all keys", "Program", ("f1",), leader="h", footer="help", priority=True),
    Action("leader", "Leader: more keys", "Program", ("ctrl+x",), priority=True, palette=False),
    Action("choose_model", "Choose a model", "Session", leader="m"),
    Action("choose_agent", "Choose an agent", "Session", leader="d"),
    Action("next_agent", "Next agent: build, plan, your own", "Session", ("f2",), footer="agent"),
    Action("choose_theme", "Choose a theme", "Program", leader="e"),
    Action("choose_session", "Sessions: open, search, replay, rename, delete", "Session", leader="s"),
    Action("new_session", "New session", "Session", leader="n"),
    Action("rewind", "Go back in the conversation (or esc esc)", "Session", leader="b"),
    Action("fork", "Fork: go on in a copy of this session", "Session", leader="f"),
    Action("replay", "Replay this session", "Session", leader="y"),
    Action("export", "Export this session", "Session", leader="x"),
    Action("rename", "Rename this session", "Session"),
    Action("cost", "Cost: tokens and dollars, by turn and model", "Session", leader="o"),
    Action("status", "Status: settings in force and where things are", "Session"),
    Action("copy_answer", "Copy the last answer, also to a file", "Session", leader="w"),
    Action("diff", "Show what the assistant changed in files", "Session", leader="k"),
    Action("compact", "Compact: why that is not needed here", "Session"),
    Action("init", "Write a first AGENTS.md for this project", "Session"),
    Action("skills", "Skills: what the model can read up on", "Session"),
    Action("undo", "Undo the assistant's last changes to files", "Session", leader="u"),
    Action("redo", "Redo what was undone last", "Session", leader="r"),
    Action("answer", "Answer the question that waits", "Session", leader="a"),
    Action("permissions", "Permissions: what runs unasked", "Session", leader="g"),
    Action("mcps", "MCP servers: state, tools, resources", "Session", leader="v"),
    Action("context_figures", "Context in figures: read, sent, cited, untouched", "Context", leader="j"),
    Action("cancel_ingest", "Stop reading the project", "Context", leader="i"),
    Action("expand", "Expand or fold tool results", "Chat", ("ctrl+o",), footer="expand"),
    Action("thinking", "Unfold or fold all reasoning", "Chat"),
    Action("previous_message", "Previous message", "Chat", ("alt+up",), palette=False),
    Action("next_message", "Next message", "Chat", ("alt+down",), palette=False),
    Action("stash", "Put the prompt aside; in an empty one, bring it back", "Chat", ("alt+s",)),
    Action("editor", "Write the prompt in your editor", "Chat", ("ctrl+g",)),
    Action("leave", "Quit", "Program", leader="q"),
)


def by_leader(key: str) -> Action | None:
    """Return the action that `key` means after the leader key."""
    return next((action for action in ACTIONS if action.leader == key), None)
