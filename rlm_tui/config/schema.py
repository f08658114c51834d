"""Every configuration key: its name, type, default, meaning and environment variable, declared once.

The loader checks files against these structs, `config show --defaults` and `docs/configuration.md` are printed
from them. A field's `Meta.description` is what a person reads; `extra` may hold `env` (the variable that sets it)
and `adds` (the lists of all layers add up instead of the later one winning).
"""

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Approval = Literal["ask", "edit", "plan", "auto"]
Mode = Literal["tools", "repl"]

Count = Annotated[int, Meta(ge=0)]
Limit = Annotated[int, Meta(ge=1)]
Amount = Annotated[float, Meta(ge=0)]

UNLIMITED = "unlimited"
"""How a file, variable or flag writes a limit that is None."""

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmg]?)(i?)b?\s*", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3}


def parse_size(text: str) -> int:
    """Return a size such as `10MB`, `512 KiB` or `4096` in bytes. Raises `ValueError`."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a size: write a number of bytes, or one with KB, MB or GB")
    number, unit, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[unit.lower()])


class ModelSettings(Struct, frozen=True):
    """Which model answers, and how it is driven."""

    name: Annotated[
        str,
        Meta(
            description="The model, by litellm's name: `anthropic/...`, `openai/...`, `ollama_chat/...`. "
            "Empty: the built-in `offline` policy, which is no language model.",
            extra={"env": "RLM_TUI_MODEL"},
        ),
    ] = ""
    sub: Annotated[
        str,
        Meta(
            description="The model of sub-calls, often a cheaper one. Empty: the same model.",
            extra={"env": "RLM_TUI_SUB_MODEL"},
        ),
    ] = ""
    endpoint: Annotated[str, Meta(description="Send requests to `[endpoints.NAME]` of this name.")] = ""
    reasoning: Annotated[
        Literal["", "minimal", "low", "medium", "high"],
        Meta(description="Reasoning effort, for models that have it. Empty: the provider's default."),
    ] = ""
    mode: Annotated[
        Mode, Meta(description="`tools`: the model calls tools. `repl`: it writes Python over the context.")
    ] = "tools"
    tool_calls: Annotated[
        Literal["auto", "native", "schema"],
        Meta(
            description="How tools are called: `native` by the provider's own way, `schema` as a JSON action in the "
            "reply (for models without tool calling), `auto` finds out."
        ),
    ] = "auto"


class EndpointSettings(Struct, frozen=True):
    """An OpenAI-compatible server of your own; its models are called `NAME/MODEL`."""

    api_base: Annotated[str, Meta(description="The server's address up to `/v1`.")] = ""
    api_key_env: Annotated[str, Meta(description="The environment variable that holds the key. Never the key.")] = ""
    headers: Annotated[dict[str, str], Meta(description="More HTTP headers for each request.")] = {}


class GgufSettings(Struct, frozen=True):
    """Models in GGUF files (`gguf/PATH`), run on this machine by llama.cpp; needs the extra `local`."""

    folders: Annotated[tuple[str, ...], Meta(description="More folders whose GGUF files `/model` lists.")] = ()
    context: Annotated[
        int,
        Meta(ge=512, description="Window in tokens, where the model has no smaller one. Memory grows with it."),
    ] = 16_384
    parallel: Annotated[
        int, Meta(ge=1, le=64, description="Replies that are made at the same time, each with a window of its own.")
    ] = 1
    gpu_layers: Annotated[int, Meta(ge=-1, description="Layers that a GPU holds. -1: llama.cpp decides.")] = -1
    threads: Annotated[Count, Meta(description="Threads that compute. 0: llama.cpp decides.")] = 0


class WindowSettings(Struct, frozen=True):
    """How much of the conversation a prompt may hold."""

    max_tokens: Annotated[
        int,
        Meta(
            ge=1000,
            description="Largest prompt in tokens; never more than the model's own known limit.",
            extra={"env": "RLM_UPSTREAM_MAX_TOKENS"},
        ),
    ] = 128_000
    reserve: Annotated[
        int,
        Meta(ge=0, description="Tokens of it kept free for the reply.", extra={"env": "RLM_TOKEN_RESERVE"}),
    ] = 16_000


class CaptureSettings(Struct, frozen=True):
    """What becomes an entry of the context, by its length in characters."""

    min_chars: Annotated[
        int,
        Meta(
            ge=0,
            description="A tool's output is captured from this length on; a shorter one stays in log and window.",
            extra={"env": "RLM_CAPTURE_MIN_CHARS"},
        ),
    ] = 500
    user_min_chars: Annotated[
        int, Meta(ge=0, description="The same for prompts.", extra={"env": "RLM_USER_MIN_CHARS"})
    ] = 0
    assistant_min_chars: Annotated[
        int, Meta(ge=0, description="The same for replies.", extra={"env": "RLM_ASSISTANT_MIN_CHARS"})
    ] = 50
    max_chars: Annotated[
        int,
        Meta(
            ge=1,
            description="A longer text becomes several entries of at most this length. Nothing is lost.",
            extra={"env": "RLM_CAPTURE_MAX_CHARS"},
        ),
    ] = 50_000


class BudgetSettings(Struct, frozen=True):
    """Limits of one turn, over its whole tree of calls, checked before a call is made. `"unlimited"`: no limit."""

    depth: Annotated[Count | None, Meta(description="How deep a call may call itself. 0: no sub-calls.")] = 2
    calls: Annotated[Limit | None, Meta(description="Model calls, sub-calls included.")] = 200
    concurrency: Annotated[int, Meta(ge=1, le=256, description="Sub-calls that run at the same time.")] = 16
    tokens: Annotated[Limit | None, Meta(description="Tokens, in and out.")] = None
    cost: Annotated[Amount | None, Meta(description="US dollars.")] = None
    seconds: Annotated[Amount | None, Meta(description="Wall time in seconds.")] = None
    repeats: Annotated[Limit | None, Meta(description="How often the identical call may be made.")] = 3


class PermissionSettings(Struct, frozen=True):
    """What runs unasked. Among the rules that match, deny wins, then ask, then allow."""

    approval: Annotated[
        Approval,
        Meta(
            description="`ask` before anything that writes, runs or reaches out; `edit`: edits in the project run "
            "unasked; `plan`: nothing changes; `auto`: unasked, only inside a working sandbox."
        ),
    ] = "ask"
    allow: Annotated[
        tuple[str, ...],
        Meta(description='Rules such as `"bash(git diff *)"` or `"edit"` for what runs unasked.', extra={"adds": True}),
    ] = ()
    ask: Annotated[tuple[str, ...], Meta(description="Rules for what always asks.", extra={"adds": True})] = ()
    deny: Annotated[tuple[str, ...], Meta(description="Rules for what never runs.", extra={"adds": True})] = ()


class SandboxSettings(Struct, frozen=True):
    """Where commands run."""

    mode: Annotated[
        Literal["auto", "required", "off"],
        Meta(
            description="`auto`: in bubblewrap where it works, else each command asks. `required`: no command runs "
            "without it. `off`: never used."
        ),
    ] = "auto"
    network: Annotated[bool, Meta(description="Whether sandboxed commands reach the network.")] = False
    writable: Annotated[
        tuple[str, ...], Meta(description="Folders outside the project that sandboxed commands may write to.")
    ] = ()
    env: Annotated[
        tuple[str, ...],
        Meta(description="More environment variables that commands may see. Key-like ones never pass."),
    ] = ()
    headless: Annotated[
        bool,
        Meta(description="Whether `run` and `batch` may run allowed commands where no sandbox works."),
    ] = False


class ContextSettings(Struct, frozen=True):
    """What of a project becomes context."""

    ignore: Annotated[tuple[str, ...], Meta(description="More patterns to leave out, written as in `.gitignore`.")] = ()
    max_file: Annotated[str, Meta(description="Files over this size are left out, and listed as such.")] = "10MB"
    watch: Annotated[bool, Meta(description="Whether files that change while the program runs join at once.")] = True
    secrets: Annotated[
        bool, Meta(description="Whether files that look like secrets (`.env`, private keys) are taken in.")
    ] = False

    @property
    def max_file_bytes(self) -> int:
        """`max_file` in bytes."""
        return parse_size(self.max_file)


class UiSettings(Struct, frozen=True):
    """The screen."""

    theme: Annotated[str, Meta(description="A theme's name; `rlm-tui themes` lists them.")] = "rlm-dark"
    mouse: Annotated[bool, Meta(description="Whether the mouse is used.")] = True
    layout: Annotated[
        Literal["auto", "columns", "stacked", "chat"],
        Meta(
            description="`columns`: chat beside browser and trace; `stacked`: one above the other; `chat`: alone; "
            "`auto`: by the terminal's size."
        ),
    ] = "auto"
    notify: Annotated[
        Literal["off", "bell", "desktop"],
        Meta(description="How an end or a question is announced while the terminal is not in front."),
    ] = "bell"


class AgentSettings(Struct, frozen=True):
    """An agent of your own, beside `build` and `plan`: a prompt, a model and tools under a name."""

    description: Annotated[str, Meta(description="One line for the list of agents.")] = ""
    prompt: Annotated[str, Meta(description="What it is told, after the common instructions.")] = ""
    model: Annotated[str, Meta(description="Its model. Empty: the session's.")] = ""
    mode: Annotated[Literal["", "tools", "repl"], Meta(description="Its mode. Empty: the session's.")] = ""
    approval: Annotated[
        Literal["", "ask", "edit", "plan", "auto"],
        Meta(description="Its approval mode where that is stricter than the session's, which it never loosens."),
    ] = ""
    tools: Annotated[
        tuple[str, ...],
        Meta(description="The working tools it may use, `*` for any letters. Empty: all. It always sees the context."),
    ] = ()
    max_calls: Annotated[Limit | None, Meta(description="Most model calls of one piece of work of it.")] = None
    max_tokens: Annotated[Limit | None, Meta(description="Most tokens, in and out.")] = None
    max_cost: Annotated[Amount | None, Meta(description="Most US dollars.")] = None
    timeout: Annotated[Amount | None, Meta(description="Most seconds.")] = None


class McpSettings(Struct, frozen=True):
    """An MCP server, started with the session; its tools are called `NAME_tool`."""

    command: Annotated[tuple[str, ...], Meta(description="The program and its arguments.")] = ()
    args: Annotated[tuple[str, ...], Meta(description="More arguments, after those of `command`.")] = ()
    env: Annotated[
        dict[str, str],
        Meta(
            description="Environment variables for it; it sees no key that is not given here. `${NAME}` stands for "
            "a variable of your own environment."
        ),
    ] = {}
    url: Annotated[str, Meta(description="Instead of `command`: the address of a server that is reached by HTTP.")] = ""
    headers: Annotated[dict[str, str], Meta(description="HTTP headers for `url`; `${NAME}` as in `env`.")] = {}
    enabled: Annotated[bool, Meta(description="Whether it is started.")] = True
    timeout: Annotated[float, Meta(gt=0, description="Seconds that a tool of it may take.")] = 60.0
    start_timeout: Annotated[float, Meta(gt=0, description="Seconds that it may take to start.")] = 30.0


class Settings(Struct, frozen=True):
    """All settings in force."""

    model: ModelSettings = ModelSettings()
    endpoints: dict[str, EndpointSettings] = {}
    gguf: GgufSettings = GgufSettings()
    window: WindowSettings = WindowSettings()
    capture: CaptureSettings = CaptureSettings()
    budget: BudgetSettings = BudgetSettings()
    permissions: PermissionSettings = PermissionSettings()
    sandbox: SandboxSettings = SandboxSettings()
    context: ContextSettings = ContextSettings()
    ui: UiSettings = UiSettings()
    keys: Annotated[
        dict[str, str],
        Meta(description='Keys of your own: an action\'s id (F1 lists them) and its keys, `"ctrl+t,f3"`.'),
    ] = {}
    agents: dict[str, AgentSettings] = {}
    mcp: dict[str, McpSettings] = {}


def field_meta(owner: type[Struct], name: str) -> Meta:
    """Return what is declared of a field beside its type; an empty `Meta` where nothing is."""
    for extra in getattr(_hints(owner)[name], "__metadata__", ()):
        if isinstance(extra, Meta):
            return extra
    return Meta()


def field_type(owner: type[Struct], name: str) -> Any:
    """Return a field's type, constraints included."""
    return _hints(owner)[name]


def field_default(owner: type[Struct], name: str) -> Any:
    """Return a field's default value."""
    return getattr(owner(), name)


_cache: dict[type[Struct], dict[str, Any]] = {}


def _hints(owner: type[Struct]) -> dict[str, Any]:
    from typing import get_type_hints

    if owner not in _cache:
        _cache[owner] = get_type_hints(owner, include_extras=True)
    return _cache[owner]


def as_data(settings: Settings) -> dict[str, Any]:
    """Return settings as plain nested dicts and lists, for JSON."""
    data: dict[str, Any] = msgspec.to_builtins(settings)
    return data
