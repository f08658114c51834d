"""Where a request goes: a model's name, the endpoints that are configured and the environment, resolved."""

from collections.abc import Mapping

from msgspec import Struct

from rlm_tui.config.schema import EndpointSettings
from rlm_tui.errors import ModelError
from rlm_tui.models.keys import KeyedEnviron
from rlm_tui.models.providers import LOCAL_PREFIXES, check_name, find_provider, key_of, prefix_of

Endpoint = EndpointSettings
"""An OpenAI-compatible server: `api_base` (up to `/v1`), `api_key_env`, `headers`."""

NO_KEY = "none"
"""Sent where a server needs no key: OpenAI's client insists on some value."""

_BASES = {
    "openai": ("OPENAI_API_BASE", "OPENAI_BASE_URL"),
    "anthropic": ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
    "ollama": ("OLLAMA_API_BASE",),
    "ollama_chat": ("OLLAMA_API_BASE",),
    "lm_studio": ("LM_STUDIO_API_BASE",),
    "llamafile": ("LLAMAFILE_API_BASE",),
    "hosted_vllm": ("HOSTED_VLLM_API_BASE",),
}
"""The variables that say where a provider's server is."""
_DEFAULT_BASES = {"lm_studio": "http://127.0.0.1:1234/v1", "hosted_vllm": "http://127.0.0.1:8000/v1"}
"""Where servers listen whose address litellm wants to be told; from their documentation."""


class Target(Struct, frozen=True):
    """One resolved model. `model` is litellm's name; `gate` names what shares a rate limit.

    `api_base` and `api_key` are None where litellm finds them itself. `key_variable` is what a person would set.
    `priced` is False where litellm's price map would name the price of another server's model.
    """

    name: str
    model: str
    prefix: str
    gate: str
    api_base: str | None = None
    api_key: str | None = None
    headers: dict[str, str] = {}
    key_variable: str = ""
    priced: bool = True


def resolve(model: str, endpoints: Mapping[str, Endpoint], default_endpoint: str, environ: Mapping[str, str]) -> Target:
    """Return where requests for `model` go.

    `NAME/model` with an endpoint called NAME goes there; with `default_endpoint` every other name does too. Raises
    `ModelError`: `no_model` or `not_found` for a name that nothing can have, `auth` where a key is missing.
    """
    prefix = prefix_of(model)
    if prefix in endpoints:
        return _to_endpoint(model, model.removeprefix(f"{prefix}/"), prefix, endpoints[prefix], environ)
    if default_endpoint:
        if default_endpoint not in endpoints:
            raise ModelError(
                "not_found", f"No endpoint is called {default_endpoint!r}: add [endpoints.{default_endpoint}]."
            )
        return _to_endpoint(
            model, model.removeprefix("openai/"), default_endpoint, endpoints[default_endpoint], environ
        )
    check_name(model, endpoints)
    return _to_provider(model, prefix, environ)


def gate_name(model: str, endpoints: Mapping[str, Endpoint], default_endpoint: str = "") -> str:
    """Return the name under which calls of `model` share one gate: its endpoint or provider."""
    prefix = prefix_of(model)
    return prefix if prefix in endpoints else default_endpoint or prefix or "default"


def _to_endpoint(name: str, model: str, label: str, endpoint: Endpoint, environ: Mapping[str, str]) -> Target:
    if not endpoint.api_base:
        raise ModelError("not_found", f"The endpoint {label!r} has no address: set api_base in [endpoints.{label}].")
    key = environ.get(endpoint.api_key_env, "").strip() if endpoint.api_key_env else NO_KEY
    if not key:
        raise ModelError(
            "auth",
            f"{name} needs a key: set {endpoint.api_key_env}, as [endpoints.{label}] says, or choose another model.",
        )
    return Target(
        name=name,
        model=f"openai/{model}",
        prefix="openai",
        gate=label,
        api_base=endpoint.api_base,
        api_key=key,
        headers=dict(endpoint.headers),
        key_variable=endpoint.api_key_env,
        priced=False,
    )


def _refused(environ: Mapping[str, str]) -> str:
    """Return why a stored key could not be had, as a sentence to add."""
    problem = environ.store.problem if isinstance(environ, KeyedEnviron) else ""
    return f" {problem}" if problem else ""


def _to_provider(model: str, prefix: str, environ: Mapping[str, str]) -> Target:
    provider = find_provider(prefix)
    base = next((environ[name] for name in _BASES.get(prefix, ()) if environ.get(name)), _DEFAULT_BASES.get(prefix))
    if provider is None:
        local = prefix in LOCAL_PREFIXES
        return Target(name=model, model=model, prefix=prefix, gate=prefix or "default", api_base=base, priced=not local)
    variable, key = key_of(provider, environ)
    if not key and base is None:
        raise ModelError(
            "auth",
            f"{model} needs a key of {provider.title}: set {variable}, enter it in /model or with "
            f"`rlm-tui models --set-key {prefix}`, or choose another model.{_refused(environ)}",
        )
    return Target(
        name=model,
        model=model,
        prefix=prefix,
        gate=prefix,
        api_base=base,
        api_key=key or NO_KEY,
        key_variable=variable,
    )
