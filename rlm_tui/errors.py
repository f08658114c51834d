"""The few kinds of error this program raises on purpose.

Each message is one sentence (or two) for a person and says what to do. Only the outermost edges (the command
line, the engine thread, the screen's notices) turn them into text; nothing in between swallows them.
"""


class RlmTuiError(Exception):
    """Base of every error raised on purpose. `str(error)` is what a person reads."""


class UsageError(RlmTuiError):
    """The caller's words were wrong: a bad flag, a missing directory, an unknown session."""


class ConfigError(RlmTuiError):
    """A configuration file or variable could not be understood; the message names file, line and a near name."""


class ContextError(RlmTuiError):
    """The context store was asked for something it does not have, or its files are damaged."""


class PatternError(ContextError):
    """A search pattern could not be compiled; the message names position and reason and suggests `rlm_find`."""


class SessionError(RlmTuiError):
    """A session could not be opened, is held by another process, or is of a newer format."""


class ToolError(RlmTuiError):
    """A tool was called wrongly or failed. The message goes back to the model, which can try again."""


class ModelError(RlmTuiError):
    """A call to a language model failed.

    `kind` is one of `auth`, `not_found`, `rate_limit`, `quota`, `context_too_long`, `connection`, `timeout`,
    `server`, `bad_request`, `bad_reply`, `cut`, `no_model`. `retry_after` is in seconds where the provider gave one.
    """

    def __init__(self, kind: str, message: str, *, retry_after: float | None = None, partial: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after
        self.partial = partial

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed when it is sent again."""
        return self.kind in {"rate_limit", "connection", "timeout", "server", "cut"}
