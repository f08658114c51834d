"""What each setting of OpenCode is here. What has no counterpart is told, with the reason; no key is ever copied."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlm_tui.redact import is_key_name

_ENVIRONMENT = re.compile(r"\{env:([^{}\s]+)\}")
_FILE = re.compile(r"\{file:([^{}]+)\}")
PROVIDERS = {
    "google": "gemini", "google-vertex": "vertex_ai", "google-vertex-anthropic": "vertex_ai",
    "amazon-bedrock": "bedrock",
    "ollama": "ollama_chat", "lmstudio": "lm_studio", "github-copilot": "github_copilot", "togetherai": "together_ai",
    "fireworks-ai": "fireworks_ai", "moonshotai": "moonshot", "nvidia": "nvidia_nim", "azure": "azure",
}  # fmt: skip
"""Providers that litellm calls otherwise; the others have the same name."""

THEMES = {
    "catppuccin": "catppuccin-mocha", "dracula": "dracula", "gruvbox": "gruvbox-dark", "monokai": "monokai",
    "nord": "nord", "solarized": "solarized-dark", "tokyonight": "tokyo-night",
}  # fmt: skip
ACTIONS = {
    "app_exit": "leave", "editor_open": "editor", "theme_list": "choose_theme", "session_new": "new_session",
    "session_list": "choose_session", "session_export": "export", "session_fork": "fork", "session_rename": "rename",
    "model_list": "choose_model", "agent_list": "choose_agent", "agent_cycle": "next_agent", "command_list": "palette",
    "messages_undo": "undo", "messages_redo": "redo", "messages_copy": "copy_answer", "status_view": "status",
    "session_interrupt": "interrupt", "display_thinking": "thinking",
}  # fmt: skip
TOOLS = {
    "bash": "bash", "edit": "edit", "write": "write", "read": "read", "grep": "grep", "glob": "glob", "list": "list",
    "patch": "apply_patch", "apply_patch": "apply_patch", "todowrite": "todo", "webfetch": "web_fetch", "task": "task",
    "question": "ask", "skill": "skill",
}  # fmt: skip
_UNNEEDED = {"$schema", "autoupdate", "share", "layout", "username", "tui", "disabled_providers", "enabled_providers"}
_WITHOUT = {
    "small_model": "sub-calls use the main model unless `model.sub` names another",
    "instructions": "put what these files say into AGENTS.md",
    "plugin": "there are no plugins",
    "formatter": "there are no formatters",
    "lsp": "language servers are not used",
    "experimental": "nothing of it has a counterpart",
    "compaction": "nothing is compacted here",
    "server": "there is no server",
    "snapshot": "changes of files are always kept for /undo",
    "watcher": "use `context.ignore`",
    "default_agent": "start with `--agent`",
}


@dataclass(slots=True)
class Mapped:
    """What settings are here: values by dotted key, files of the config dir, and what could not be mapped."""

    values: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


def map_config(data: dict[str, Any], folder: Path) -> Mapped:
    """Return the settings of an `opencode.json`, which lies in `folder`. Never raises on what it says."""
    mapped = Mapped()
    for name, value in data.items():
        if name in _UNNEEDED:
            continue
        handler = _HANDLERS.get(name)
        if handler is None:
            mapped.told.append(f"`{name}`: {_WITHOUT.get(name, 'has no counterpart')}")
        elif isinstance(value, str if name in ("model", "theme") else dict):
            handler(value, mapped, folder)
        else:
            mapped.told.append(f"`{name}`: is not written as OpenCode writes it")
    return mapped


def model_name(name: str) -> str:
    """Return litellm's name of a model that OpenCode calls `provider/model`."""
    provider, slash, model = name.partition("/")
    return f"{PROVIDERS.get(provider, _plain(provider))}/{model}" if slash else name


def _plain(name: str) -> str:
    """Return a name that can stand in a dotted key."""
    return name.replace(".", "-")


def _model(name: str, mapped: Mapped, _: Path) -> None:
    mapped.values["model.name"] = model_name(name)


def _theme(name: str, mapped: Mapped, _: Path) -> None:
    if name in THEMES:
        mapped.values["ui.theme"] = THEMES[name]
    elif name not in ("opencode", "system"):
        mapped.told.append(f"theme `{name}`: not here; `rlm-tui themes` lists those that are")


def _provider(providers: dict[str, Any], mapped: Mapped, _: Path) -> None:
    for name, settings in providers.items():
        options = settings.get("options") if isinstance(settings, dict) else None
        options = options if isinstance(options, dict) else {}
        address, key = options.get("baseURL"), options.get("apiKey")
        if isinstance(address, str) and address:
            mapped.values[f"endpoints.{_plain(name)}.api_base"] = address
        variable = _ENVIRONMENT.fullmatch(key) if isinstance(key, str) else None
        if variable and address:
            mapped.values[f"endpoints.{_plain(name)}.api_key_env"] = variable[1]
        elif key:
            mapped.told.append(f"provider `{name}`: its key is not copied; `rlm-tui models --set-key {name}` keeps one")
        if isinstance(options.get("headers"), dict):
            mapped.told.append(f"provider `{name}`: its headers may hold keys, so they are not copied")


def _mcp(servers: dict[str, Any], mapped: Mapped, _: Path) -> None:
    for name, server in servers.items():
        if not isinstance(server, dict):
            continue
        key = f"mcp.{_plain(name)}"
        command, url = server.get("command"), server.get("url")
        if isinstance(command, list) and command and all(isinstance(word, str) for word in command):
            mapped.values[f"{key}.command"] = command
        elif isinstance(url, str) and url:
            mapped.values[f"{key}.url"] = url
        else:
            mapped.told.append(f"MCP server `{name}`: has neither a command nor an address")
            continue
        for theirs, ours in (("environment", "env"), ("headers", "headers")):
            given = server.get(theirs)
            if isinstance(given, dict) and given:
                mapped.values[f"{key}.{ours}"] = {
                    what: _without_key(name, what, str(value), mapped) for what, value in given.items()
                }
        if server.get("enabled") is False:
            mapped.values[f"{key}.enabled"] = False
        if isinstance(timeout := server.get("timeout"), int | float) and timeout > 0:
            mapped.values[f"{key}.start_timeout"] = timeout / 1000
        if server.get("oauth"):
            mapped.told.append(f"MCP server `{name}`: OAuth is not supported; give it a header with `${{NAME}}`")


def _without_key(server: str, name: str, value: str, mapped: Mapped) -> str:
    """Return a value with `{env:NAME}` as `${NAME}`; what looks like a key itself is left to the environment."""
    if _ENVIRONMENT.search(value):
        return _ENVIRONMENT.sub(r"${\1}", value)
    if is_key_name(name) or name.casefold() in ("authorization", "cookie") or _FILE.search(value):
        variable = re.sub(r"\W+", "_", f"{server}_{name}").upper()
        mapped.told.append(f"MCP server `{server}`: the value of `{name}` is not copied; set {variable} instead")
        return f"${{{variable}}}"
    return value


def _agents(agents: dict[str, Any], mapped: Mapped, folder: Path) -> None:
    for name, agent in agents.items():
        if isinstance(agent, dict) and not agent.get("disable"):
            prompt = agent.get("prompt")
            text = _from_file(prompt, folder) if isinstance(prompt, str) else ""
            mapped.files[f"agents/{name}.md"] = agent_file(name, agent, text, mapped.told)


def agent_file(name: str, head: dict[str, Any], prompt: str, told: list[str]) -> str:
    """Return an agent as a file of ours."""
    lines: dict[str, Any] = {}
    if isinstance(description := head.get("description"), str):
        lines["description"] = description
    if isinstance(model := head.get("model"), str):
        lines["model"] = model_name(model)
    tools = head.get("tools")
    if isinstance(tools, dict):
        lines |= _tools_of(name, tools, told)
    if _is_locked(head.get("permission"), tools):
        lines["approval"] = "plan"
    left = [key for key in ("temperature", "top_p", "steps", "maxSteps", "color", "variant") if key in head]
    told += [f"agent `{name}`: `{key}` has no counterpart" for key in left]
    return _with_head(lines, prompt)


def _tools_of(name: str, tools: dict[str, Any], told: list[str]) -> dict[str, Any]:
    """OpenCode's list takes tools away (or, after `"*": false`, names those that stay); ours names those that stay."""
    unknown = [tool for tool in tools if tool not in TOOLS and tool != "*"]
    if unknown:
        told.append(f"agent `{name}`: the tools {', '.join(unknown)} are not known here")
    everything = tools.get("*", True) is not False
    kept = {ours for theirs, ours in TOOLS.items() if tools.get(theirs, everything) is not False}
    kept -= {TOOLS[tool] for tool, on in tools.items() if on is False and tool in TOOLS}
    return {} if kept == set(TOOLS.values()) else {"tools": sorted(kept) or ["none"]}


def _is_locked(permission: object, tools: object) -> bool:
    """Whether an agent may change nothing: neither files nor, by commands, anything."""
    rules = permission if isinstance(permission, dict) else {}
    off = tools if isinstance(tools, dict) else {}
    edits = rules.get("edit") == "deny" or (off.get("edit") is False and off.get("write") is False)
    commands = rules.get("bash")
    shell = commands == "deny" or off.get("bash") is False
    shell = shell or (isinstance(commands, dict) and commands.get("*") == "deny")
    return edits and shell


def _commands(commands: dict[str, Any], mapped: Mapped, folder: Path) -> None:
    for name, command in commands.items():
        if isinstance(command, dict) and isinstance(template := command.get("template"), str):
            mapped.files[f"commands/{name}.md"] = command_file(name, command, _from_file(template, folder), mapped.told)


def command_file(name: str, head: dict[str, Any], template: str, told: list[str]) -> str:
    """Return a command as a file of ours."""
    lines = {key: head[key] for key in ("description", "agent") if isinstance(head.get(key), str)}
    if isinstance(model := head.get("model"), str):
        lines["model"] = model_name(model)
    if head.get("subtask"):
        told.append(f"command `{name}`: it runs in the conversation itself, not as a sub-agent")
    return _with_head(lines, template)


def _permission(rules: dict[str, Any], mapped: Mapped, _: Path) -> None:
    """Take over what is stricter, and single commands that run unasked; never that everything does."""
    lists: dict[str, list[str]] = {"allow": [], "ask": [], "deny": []}
    for what, rule in rules.items():
        tool = {"webfetch": "web_fetch"}.get(what, what)
        if tool not in ("bash", "edit", "web_fetch", "read"):
            mapped.told.append(f"permission `{what}`: has no counterpart")
            continue
        rules_of = rule if isinstance(rule, dict) else {"*": rule}
        if rules_of.get("*") == "allow" and tool != "read":
            mapped.told.append(f"permission `{what}`: that all of it runs unasked is not taken over (/permissions)")
        for verdict, found in lists.items():
            found += [
                tool if pattern == "*" else f"{tool}({pattern})"
                for pattern, said in rules_of.items()
                if said == verdict and (pattern != "*" or verdict == "deny")
            ]
    mapped.values |= {f"permissions.{verdict}": found for verdict, found in lists.items() if found}


def _keybinds(keys: dict[str, Any], mapped: Mapped, _: Path) -> None:
    left: list[str] = []
    for name, written in keys.items():
        if name not in ACTIONS or not isinstance(written, str) or "<leader>" in written or written == "none":
            left.append(name)
            continue
        mapped.values[f"keys.{ACTIONS[name]}"] = ",".join(part.strip().lower() for part in written.split(","))
    if left:
        mapped.told.append(f"keys of {', '.join(left)}: not taken over (F1 lists ours; ctrl+x is the leader here too)")


def _from_file(text: str, folder: Path) -> str:
    """Return a text with `{file:PATH}` filled in; a file that cannot be read stays as it is written."""

    def content(match: re.Match[str]) -> str:
        try:
            return (folder / Path(match[1].strip()).expanduser()).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return match[0]

    return _FILE.sub(content, text)


def _with_head(lines: dict[str, Any], body: str) -> str:
    if not lines:
        return body.strip() + "\n"
    import yaml

    return f"---\n{yaml.safe_dump(lines, allow_unicode=True, sort_keys=False)}---\n{body.strip()}\n"


_HANDLERS: dict[str, Callable[[Any, Mapped, Path], None]] = {
    "model": _model, "theme": _theme, "provider": _provider, "mcp": _mcp, "agent": _agents, "mode": _agents,
    "command": _commands, "permission": _permission, "keybinds": _keybinds,
}  # fmt: skip
