"""Providers as far as they are known without importing litellm: prefixes, key variables, default models.

A model's name is litellm's: `PREFIX/model`. The prefixes are those of litellm 1.102 (`litellm.provider_list`), the
variables those of its documentation; each default is a model of litellm's price map with tool calling.
"""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

from msgspec import Struct

from rlm_tui.errors import ModelError

OFFLINE = "offline"


class Provider(Struct, frozen=True):
    """A hosted provider. Any one of `key_variables` holds its key; `default_model` is a sensible first choice."""

    prefix: str
    title: str
    key_variables: tuple[str, ...]
    default_model: str


PROVIDERS: tuple[Provider, ...] = (
    Provider("anthropic", "Anthropic", ("ANTHROPIC_API_KEY",), "anthropic/claude-sonnet-5"),
    Provider("openai", "OpenAI", ("OPENAI_API_KEY",), "openai/gpt-5.5"),
    Provider("gemini", "Google Gemini", ("GEMINI_API_KEY", "GOOGLE_API_KEY"), "gemini/gemini-pro-latest"),
    Provider("openrouter", "OpenRouter", ("OPENROUTER_API_KEY",), "openrouter/anthropic/claude-sonnet-5"),
    Provider("mistral", "Mistral", ("MISTRAL_API_KEY",), "mistral/mistral-medium-latest"),
    Provider("deepseek", "DeepSeek", ("DEEPSEEK_API_KEY",), "deepseek/deepseek-v4-pro"),
    Provider("xai", "xAI", ("XAI_API_KEY",), "xai/grok-4.5"),
    Provider("groq", "Groq", ("GROQ_API_KEY",), "groq/openai/gpt-oss-120b"),
    Provider("cerebras", "Cerebras", ("CEREBRAS_API_KEY",), "cerebras/gpt-oss-120b"),
    Provider(
        "together_ai",
        "Together AI",
        ("TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN", "TOGETHER_AI_API_KEY", "TOGETHER_API_KEY"),
        "together_ai/zai-org/GLM-5.2",
    ),
    Provider(
        "fireworks_ai",
        "Fireworks AI",
        ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
        "fireworks_ai/kimi-k3",
    ),
    Provider("moonshot", "Moonshot", ("MOONSHOT_API_KEY",), "moonshot/kimi-k3"),
    Provider("zai", "Z.ai", ("ZAI_API_KEY",), "zai/glm-5.2"),
    Provider("dashscope", "Alibaba DashScope", ("DASHSCOPE_API_KEY",), "dashscope/qwen3-coder-plus"),
)
"""Providers whose key, found in the environment, is worth an offer; in the order of the offers."""

LOCAL_PREFIXES = frozenset({"ollama", "ollama_chat", "lm_studio", "llamafile", "hosted_vllm", "docker_model_runner"})
"""Prefixes of servers on the person's own machines: no key is needed, no price is charged."""

_PREFIX_NAMES = """
    a2a a2a_agent ai21 ai21_chat aiml aiohttp_openai amazon_nova anthropic anthropic_text apertis assemblyai
    auto_router aws_polly azure azure_ai azure_text baseten bedrock bedrock_mantle black_forest_labs bytez cerebras
    charity_engine chatgpt chutes clarifai cloudflare codestral cognition cohere cohere_chat cometapi compactifai
    cursor custom custom_openai darkbloom dashscope databricks datarobot deepgram deepinfra deepseek
    docker_model_runner dotprompt elevenlabs empower fal_ai featherless_ai fireworks_ai friendliai galadriel gdc
    gemini gigachat github github_copilot gradient_ai groq helicone heroku hosted_vllm huggingface humanloop
    hyperbolic inception infinity jina_ai lambda_ai langflow langfuse langgraph lemonade libertai litellm_agent
    litellm_proxy llamafile lm_studio manus maritalk meta meta_llama milvus minimax mistral modelscope mongodb
    moonshot morph nano-gpt nebius neosantara nlp_cloud novita nscale nvidia_nim nvidia_riva oci ollama ollama_chat
    oobabooga openai openai_like openrouter ovhcloud parasail perplexity petals pg_vector pinstripes poe predibase
    publicai qwen_ai_platform qwencloud ragflow recraft reducto replicate runwayml s3_vectors sagemaker
    sagemaker_chat sagemaker_nova sambanova sap scaleway scx-ai snowflake soniox stability synthetic tencent
    tensormesh text-completion-codestral text-completion-inception text-completion-openai together_ai topaz triton
    v0 valkey vercel_ai_gateway vertex_ai vertex_ai_beta vllm volcengine voyage wandb watsonx watsonx_text xai
    xiaomi_mimo xinference zai
"""
PREFIXES = frozenset(_PREFIX_NAMES.split())
"""Every prefix that litellm knows."""

_BY_PREFIX = {provider.prefix: provider for provider in PROVIDERS}


def find_provider(prefix: str) -> Provider | None:
    """Return the hosted provider of a prefix, or None where no key variable is known for it."""
    return _BY_PREFIX.get(prefix)


def prefix_of(model: str) -> str:
    """Return the part of a model's name before its first slash; empty where there is none."""
    prefix, slash, _ = model.partition("/")
    return prefix if slash else ""


def key_of(provider: Provider, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the first key variable that is set and its value; the first variable and an empty value where none is."""
    for name in provider.key_variables:
        if environ.get(name, "").strip():
            return name, environ[name].strip()
    return provider.key_variables[0], ""


def key_variable(name: str) -> str:
    """Return the variable that holds the key of a provider, given by prefix, title or the variable itself.

    Raises `ModelError` (`not_found`) with near names. A word in capitals is taken for the variable of an endpoint.
    """
    word = name.strip()
    for provider in PROVIDERS:
        if word.casefold() in (provider.prefix, provider.title.casefold()) or word in provider.key_variables:
            return word if word in provider.key_variables else provider.key_variables[0]
    if re.fullmatch(r"[A-Z][A-Z0-9_]{2,}", word):
        return word
    near = near_names(word, [provider.prefix for provider in PROVIDERS])
    hint = f"did you mean {near}?" if near else "name a provider's prefix, such as anthropic, or a variable."
    raise ModelError("not_found", f"No provider is called {word!r}: {hint}")


def is_offline(model: str) -> bool:
    """Tell whether a name means the built-in policy that is no language model."""
    return model in {"", OFFLINE} or model.startswith(f"{OFFLINE}/")


def check_name(model: str, endpoints: Collection[str] = ()) -> None:
    """Raise `ModelError` where no provider or endpoint can have a model of this name; never asks the network.

    `no_model`: no name was given. `not_found`: the prefix is unknown; the message has the nearest right ones. A name
    without a prefix passes: only litellm's price map knows those (`gpt-4o`, `claude-...`).
    """
    if not model.strip() or model.endswith("/"):
        raise ModelError("no_model", "No model is chosen: name one such as anthropic/MODEL, or `offline`.")
    prefix = prefix_of(model)
    if is_offline(model) or not prefix or prefix in PREFIXES or prefix in endpoints:
        return
    near = near_names(prefix, [*endpoints, "gguf", *_BY_PREFIX, *sorted(LOCAL_PREFIXES), *sorted(PREFIXES)])
    hint = f"Did you mean {near}?" if near else "`rlm-tui models` lists what is available here."
    raise ModelError("not_found", f"No provider or endpoint is called {prefix!r} (in {model!r}). {hint}")


def near_names(name: str, names: Collection[str]) -> str:
    """Return up to three of `names` near to `name`, as words for a sentence; empty where none is near."""
    return " or ".join(get_close_matches(name.lower(), list(dict.fromkeys(names)), n=3, cutoff=0.6))
