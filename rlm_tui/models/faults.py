"""What went wrong, in our few kinds, each with a sentence that says what to do.

litellm raises OpenAI's exception classes with a status, and hides the cause of a broken stream in
`MidStreamFallbackError.original_exception`. Classes are recognised by name, so that nothing here imports it.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from rlm_tui.errors import ModelError
from rlm_tui.models.target import NO_KEY, Target
from rlm_tui.redact import MASK, redact
from rlm_tui.text import one_line

_DETAIL_CHARS = 300

_TOO_LONG = re.compile(
    r"context (?:length|window|size)|maximum context|prompt is too long|too many (?:input )?tokens"
    r"|exceed_context_size|input (?:is )?too long|reduce the length",
    re.IGNORECASE,
)
_QUOTA = re.compile(
    r"insufficient_quota|exceeded your current quota|credit balance|insufficient (?:balance|credits|funds)"
    r"|billing|payment required",
    re.IGNORECASE,
)
_NO_CONNECTION = re.compile(
    r"connection error|cannot connect|connection refused|connect call failed|name or service not known"
    r"|server disconnected|connection reset"
    r"|payload is not completed|incomplete chunked read|peer closed"
    r"|nodename nor servname|temporary failure in name resolution",
    re.IGNORECASE,
)
_NO_TOOLS = re.compile(
    r"(?:not|n't) support (?:tools?|tool use|tool calling|function calling|functions)\b|tool use is not supported"
    r"|tools? (?:is|are) not supported|no endpoints found that support tool use|requires --jinja"
    r"|\"?auto\"? tool choice requires",
    re.IGNORECASE,
)
_NOISE = re.compile(r"^(?:(?:litellm\.)?[A-Za-z]*(?:Error|Timeout|Timeout Error): *|[A-Za-z]+Exception - )+")


def to_model_error(error: BaseException, target: Target, *, partial: str = "", begun: bool = False) -> ModelError:
    """Return `error` as a `ModelError`.

    `begun` says that a part of the reply had arrived; `partial` is its text. Keys never appear in the message.
    """
    cause = getattr(error, "original_exception", None) or error
    detail = _detail(cause, target)
    kind = _kind(cause, detail)
    if begun and kind in {"connection", "server", "bad_request", "bad_reply"}:
        kind = "cut"
    headers = _headers(error) or _headers(cause)
    message = _sentence(kind, target, one_line(detail, _DETAIL_CHARS))
    return ModelError(kind, message, retry_after=retry_after(headers), partial=partial)


def cut(target: Target, partial: str) -> ModelError:
    """Return the error of a reply that ended without its end."""
    return ModelError("cut", _sentence("cut", target, "no finish reason arrived"), partial=partial)


def too_slow(target: Target, what: str, limit_ms: float, partial: str) -> ModelError:
    """Return the error of a deadline; `what` says which one."""
    text = f"{target.name} took too long: {what} within {limit_ms / 1000:g} s. Try again, or raise the limit."
    return ModelError("timeout", text, partial=partial)


def lacks_tools(error: ModelError) -> bool:
    """Tell whether a request was refused because the model cannot call tools."""
    return error.kind in {"bad_request", "not_found", "server"} and _NO_TOOLS.search(str(error)) is not None


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds a provider asks to wait, or None. Formats: RFC 9110 section 10.2.3, and `retry-after-ms`.

    A date counts from the reply's own `date` header where there is one, so that a wrong local clock does no harm.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "")
    seconds = _number(value)
    if seconds is not None:
        return seconds
    until = _date(value)
    if until is None:
        return None
    since = _date(headers.get("date", "")) or now or datetime.now(UTC)
    return max(0.0, (until - since).total_seconds())


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _headers(error: BaseException) -> dict[str, str]:
    own: Any = getattr(error, "litellm_response_headers", None)
    if not own:
        own = getattr(getattr(error, "response", None), "headers", None)
    return {str(name).lower(): str(value) for name, value in own.items()} if own else {}


def _detail(error: BaseException, target: Target) -> str:
    """Return what the provider said, without the names of exception classes before it and without keys."""
    text = str(getattr(error, "message", "") or error)
    text = _NOISE.sub("", text)
    said = re.search(r'"message"\s*:\s*"((?:[^"\\]|\\.)*)"', text)
    detail = said.group(1) if said else text
    if target.api_key and target.api_key != NO_KEY:
        detail = detail.replace(target.api_key, MASK)
    return redact(detail)


def _kind(error: BaseException, detail: str) -> str:
    names = {cls.__name__ for cls in type(error).__mro__}
    status = getattr(error, "status_code", None)
    if "ContextWindowExceededError" in names or (status in {400, 413, 422, 500} and _TOO_LONG.search(detail)):
        return "context_too_long"
    if status in {400, 402, 403, 429} and _QUOTA.search(detail):
        return "quota"
    if _NO_CONNECTION.search(detail) or (isinstance(error, ConnectionError) and status is None):
        return "connection"
    if "Timeout" in names or "APITimeoutError" in names or isinstance(error, TimeoutError) or status == 408:
        return "timeout"
    if "ContentPolicyViolationError" in names:
        return "bad_request"
    if "JSONSchemaValidationError" in names or "APIResponseValidationError" in names:
        return "bad_reply"
    return _kind_of_status(status, names)


def _kind_of_status(status: object, names: set[str]) -> str:
    if not isinstance(status, int):
        return "connection" if "APIConnectionError" in names else "bad_reply"
    if status in {401, 403}:
        return "auth"
    if status in {404, 410}:
        return "not_found"
    if status == 402:
        return "quota"
    if status == 413:
        return "context_too_long"
    if status == 429:
        return "rate_limit"
    return "server" if status >= 500 else "bad_request"


def _sentence(kind: str, target: Target, detail: str) -> str:
    name = target.name
    key = target.key_variable or "its key"
    sentences = {
        "auth": f"{name} refused the key: set {key} to a valid one, or choose another model.",
        "not_found": f"There is no model {name} at this provider: check the name with `rlm-tui models`.",
        "rate_limit": f"{name} limits the rate of requests: wait, or run fewer sub-calls at once.",
        "quota": f"The account of {name} has no quota left: check its billing, or choose another model.",
        "context_too_long": f"The prompt is longer than {name} takes: lower RLM_UPSTREAM_MAX_TOKENS.",
        "connection": f"{name} could not be reached: check the network, or that the server runs"
        + (f" at {redact(target.api_base)}." if target.api_base else "."),
        "timeout": f"{name} took too long to answer: try again.",
        "server": f"{name} failed on its side: try again later.",
        "bad_request": f"{name} refused the request: choose another model, or report this.",
        "bad_reply": f"{name} answered with something that is no reply: try again, or choose another model.",
        "cut": f"The reply of {name} was cut off: ask again.",
    }
    return f"{sentences[kind]} ({detail})" if detail else sentences[kind]
