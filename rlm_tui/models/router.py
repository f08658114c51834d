"""The client for a model's name."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlm_tui.config.paths import Paths
from rlm_tui.config.schema import Settings
from rlm_tui.models.gguf.client import GgufClient
from rlm_tui.models.gguf.file import PREFIX, is_gguf
from rlm_tui.models.keys import KeyedEnviron, key_store
from rlm_tui.models.litellm_client import LiteLLMClient, Timeouts
from rlm_tui.models.port import ModelClient
from rlm_tui.models.providers import is_offline
from rlm_tui.models.schema_action import FallbackClient, SchemaActionClient
from rlm_tui.models.target import gate_name, resolve


def make_client(
    model: str,
    settings: Settings = Settings(),  # noqa: B008 - frozen
    environ: Mapping[str, str] | None = None,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
) -> ModelClient:
    """Return the client that answers for `model`; imports neither litellm nor the built-in policy's context needs.

    `offline` (or an empty name, or `offline/...`) is the built-in policy. `gguf/PATH` is a file that llama.cpp runs.
    Every other name goes through litellm; `settings.model.tool_calls` says how it calls tools. Raises `ModelError` at
    once for a name that nothing can have, for a missing file and for a missing key, before any network.
    """
    if is_offline(model):
        return _offline()
    client: ModelClient
    if is_gguf(model):
        client = GgufClient(model, settings.gguf, timeouts)
    else:
        environ = keyed_environ() if environ is None else environ
        endpoint = settings.model.endpoint
        resolve(model, settings.endpoints, endpoint, environ)
        client = LiteLLMClient(endpoints=settings.endpoints, endpoint=endpoint, timeouts=timeouts, environ=environ)
    match settings.model.tool_calls:
        case "schema":
            return SchemaActionClient(client)
        case "native":
            return client
        case _:
            return FallbackClient(client)


def keyed_environ(home: Path | None = None) -> KeyedEnviron:
    """Return this process's environment with the stored keys of a data home (the person's own by default)."""
    return KeyedEnviron(key_store(Paths.from_environ().home if home is None else home), os.environ)


def lane_of(model: str, settings: Settings = Settings()) -> str:  # noqa: B008 - frozen
    """Return the name under which calls of `model` share one gate: its endpoint, provider, or `offline`."""
    if is_offline(model):
        return "offline"
    if is_gguf(model):
        return PREFIX
    return gate_name(model, settings.endpoints, settings.model.endpoint)


def _offline() -> ModelClient:
    from importlib import import_module

    made: Any = import_module("rlm_tui.models.offline").OfflineModel()
    client: ModelClient = made
    return client
