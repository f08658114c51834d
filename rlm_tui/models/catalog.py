"""Which models are available here: keys that are set, servers that answer, and the one that is built in.

Found models are offered, never used unasked. Nothing here imports litellm.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Mapping

from msgspec import Struct

from rlm_tui.models.gguf.file import INSTALL, PREFIX, files_in, is_installed, megabytes
from rlm_tui.models.keys import KeyedEnviron
from rlm_tui.models.port import Limits
from rlm_tui.models.price_map import known_limits, models_of
from rlm_tui.models.providers import OFFLINE, PROVIDERS, Provider, find_provider, key_of, prefix_of
from rlm_tui.models.target import Endpoint
from rlm_tui.redact import redact

PROBE_MS = 300
_LARGEST_REPLY = 1 << 20


class Offer(Struct, frozen=True):
    """A model that can be used now. `why` says how that is known: `OPENAI_API_KEY is set`."""

    model: str
    provider: str
    why: str
    local: bool = False
    own: bool = False
    """Whether it is an endpoint of the person's own, whose models and prices are not known."""


class Missing(Struct, frozen=True):
    """A provider that cannot be used now, and the reason. `variable` is what a key would be called."""

    provider: str
    reason: str
    variable: str = ""
    model: str = ""
    """What could be used with a key."""


class LocalServer(Struct, frozen=True):
    """A server on this machine: where it lists its models, and the prefix that litellm reaches it by."""

    title: str
    prefix: str
    port: int
    path: str
    host: str = "127.0.0.1"

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"


LOCAL_SERVERS: tuple[LocalServer, ...] = (
    LocalServer("Ollama", "ollama_chat", 11434, "/api/tags"),
    LocalServer("LM Studio", "lm_studio", 1234, "/v1/models"),
    LocalServer("llama.cpp", "llamafile", 8080, "/v1/models"),
)
"""The servers that are looked for, at the ports that their documentation names."""


class Found(Struct, frozen=True):
    """What is available, best first (the built-in policy last), and why the rest is not."""

    offers: tuple[Offer, ...]
    missing: tuple[Missing, ...]


async def look_around(
    environ: Mapping[str, str] | None = None,
    endpoints: Mapping[str, Endpoint] | None = None,
    servers: tuple[LocalServer, ...] = LOCAL_SERVERS,
    probe_ms: float = PROBE_MS,
    folders: tuple[str, ...] = (),
) -> Found:
    """Return what is available here. Servers are asked all at once and given `probe_ms` milliseconds.

    `folders` are searched for GGUF files, beside the usual ones.
    """
    environ = os.environ if environ is None else environ
    keyed, missing = _with_keys(environ)
    (local, silent), (files, no_files) = await asyncio.gather(
        find_local(servers, probe_ms), asyncio.to_thread(_gguf_files, folders)
    )
    built_in = Offer(OFFLINE, OFFLINE, "built in; searches and quotes, is no language model", local=True)
    offers = (*_of_endpoints(endpoints or {}), *keyed, *local, *files, built_in)
    return Found(offers, (*missing, *silent, *no_files))


async def find_local(
    servers: tuple[LocalServer, ...] = LOCAL_SERVERS, probe_ms: float = PROBE_MS
) -> tuple[list[Offer], list[Missing]]:
    """Ask local servers which models they have; return offers, and which did not answer."""
    lists = await asyncio.gather(*(_models_of(server, probe_ms) for server in servers))
    offers: list[Offer] = []
    missing: list[Missing] = []
    for server, names in zip(servers, lists, strict=True):
        if names:
            why = f"{server.title} answers at {server.address}"
            offers += [Offer(f"{server.prefix}/{name}", server.title, why, local=True) for name in names]
        else:
            what = "nothing answers" if names is None else "no model is loaded"
            missing.append(Missing(server.title, f"{what} at {server.address}"))
    return offers, missing


def described(offer: Offer) -> Limits:
    """Return window and prices of an offered model, as litellm's map has them; imports nothing."""
    return Limits() if offer.local or offer.own else known_limits(offer.model)


def more_offers(found: Found) -> tuple[Offer, ...]:
    """Return every model that litellm's map has of the providers whose defaults were found."""
    more: list[Offer] = []
    for offer in found.offers:
        if not offer.local and not offer.own:
            names = models_of(prefix_of(offer.model))
            more += [Offer(name, offer.provider, offer.why) for name in names if name != offer.model]
    return tuple(more)


def why_unavailable(model: str, environ: Mapping[str, str] | None = None) -> str:
    """Return the reason why `model` cannot be used (an unset key), or an empty string where none is known."""
    environ = os.environ if environ is None else environ
    provider = find_provider(prefix_of(model))
    if provider is None:
        return ""
    variable, key = key_of(provider, environ)
    return "" if key else f"{variable} is not set"


def _with_keys(environ: Mapping[str, str]) -> tuple[list[Offer], list[Missing]]:
    offers: list[Offer] = []
    missing: list[Missing] = []
    for provider in PROVIDERS:
        variable, why = where_key_is(provider, environ)
        if why:
            offers.append(Offer(provider.default_model, provider.title, why))
        else:
            missing.append(Missing(provider.title, f"{variable} is not set", variable, provider.default_model))
    return offers, missing


def where_key_is(provider: Provider, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return a provider's variable and where its key is, `""` for nowhere. No keyring is asked for a key."""
    if isinstance(environ, KeyedEnviron):
        stored = next((name for name in provider.key_variables if environ.is_stored(name)), "")
        environ = {name: environ[name] for name in provider.key_variables if name in set(environ)}
    else:
        stored = ""
    variable, key = key_of(provider, environ)
    if key:
        return variable, f"{variable} is set"
    return (stored, "its key is in the keyring") if stored else (variable, "")


def _of_endpoints(endpoints: Mapping[str, Endpoint]) -> list[Offer]:
    """Return an offer for each endpoint; which models it has is not known, so `MODEL` stands for one."""
    return [
        Offer(f"{name}/MODEL", name, f"[endpoints.{name}] is {redact(endpoint.api_base)}", own=True)
        for name, endpoint in endpoints.items()
        if endpoint.api_base
    ]


def _gguf_files(folders: tuple[str, ...]) -> tuple[list[Offer], list[Missing]]:
    """Return an offer for each GGUF file that is found; without the extra, what would bring it."""
    files = files_in(folders)
    if not is_installed():
        found = f" ({len(files):,} found)" if files else ""
        return [], [Missing("GGUF files", f"llama.cpp is not installed{found}: {INSTALL}", model=f"{PREFIX}/PATH")]
    offers = [Offer(f"{PREFIX}/{file}", "llama.cpp", f"{megabytes(file):,} MB on this disk", True) for file in files]
    return offers, [] if offers else [
        Missing("GGUF files", "none found; name one as gguf/PATH", model=f"{PREFIX}/PATH")
    ]


async def _models_of(server: LocalServer, probe_ms: float) -> list[str] | None:
    """Return the names a server lists, or None where none answers in time."""
    try:
        async with asyncio.timeout(probe_ms / 1000):
            return _names(await _get(server))
    except (OSError, TimeoutError, ValueError):
        return None


async def _get(server: LocalServer) -> bytes:
    """Return the body of a GET. HTTP/1.0 keeps the reply whole and ends it with the connection."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        writer.write(f"GET {server.path} HTTP/1.0\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if head.split(b" ", 2)[1] != b"200":
            raise ValueError("the server has no such list")
        lengths = [line.partition(b":")[2] for line in head.lower().splitlines() if line.startswith(b"content-length")]
        if lengths:
            return await reader.readexactly(min(int(lengths[0]), _LARGEST_REPLY))
        return await reader.read(-1)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise ValueError("the server broke off") from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _names(body: bytes) -> list[str]:
    """Return the names in a list of models, OpenAI's (`data[].id`) or Ollama's (`models[].name`); no embedders."""
    listing = json.loads(body)
    if not isinstance(listing, dict):
        raise ValueError("no list of models")
    entries = listing.get("data") or listing.get("models") or []
    names = [entry.get("id") or entry.get("name") for entry in entries if isinstance(entry, dict)]
    return [name for name in names if isinstance(name, str) and name and "embed" not in name.lower()]
