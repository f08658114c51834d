"""A language model of a few kilobytes, as a GGUF file that llama.cpp loads: it says one sentence, whatever is asked.

Each token's vector is its own axis, attention and feed-forward weights are zero, and the output matrix leads from each
word to the one after it. So the reply is known, and everything around it (loading, the chat template, sampling,
streaming) is the real thing. The layout is that of the GGUF specification, version 3.
"""

import struct
from itertools import pairwise
from pathlib import Path
from typing import Final

_U32, _F32, _STRING, _ARRAY, _I32 = 4, 6, 8, 9, 5
_ALIGNMENT: Final = 32
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
_SPECIAL = (("bos", 1), ("eos", 2), ("unknown", 0))
_TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}<|reply|>"


def write_tiny_gguf(path: Path, sentence: str, context_tokens: int = 4096) -> Path:
    """Write a model that replies `sentence` (different words, single spaces); return `path`."""
    words = [f"\u2581{word}" for word in sentence.split()]
    tokens = ["<unk>", "<s>", "</s>", "<|reply|>", *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL, _CONTROL, *[_BYTE] * 256, *[_NORMAL] * len(words)]
    size = -(-len(tokens) // 32) * 32
    chain = [3, *range(260, 260 + len(words)), 2]
    metadata = [
        _text("general.architecture", "llama"),
        _text("general.name", "tiny"),
        *(
            _number(f"llama.{name}", value)
            for name, value in (
                ("context_length", context_tokens), ("embedding_length", size), ("block_count", 1),
                ("feed_forward_length", 32), ("attention.head_count", 1), ("attention.head_count_kv", 1),
                ("rope.dimension_count", size), ("vocab_size", len(tokens)),
            )
        ),
        _key("llama.attention.layer_norm_rms_epsilon") + struct.pack("<If", _F32, 1e-5),
        _text("tokenizer.ggml.model", "llama"),
        _key("tokenizer.ggml.tokens") + struct.pack("<IIQ", _ARRAY, _STRING, len(tokens)) + b"".join(map(_str, tokens)),
        _array("tokenizer.ggml.scores", _F32, "f", [-float(i) for i in range(len(tokens))]),
        _array("tokenizer.ggml.token_type", _I32, "i", kinds),
        *(_number(f"tokenizer.ggml.{name}_token_id", value) for name, value in _SPECIAL),
        _text("tokenizer.chat_template", _TEMPLATE),
    ]  # fmt: skip
    tensors = _tensors(size, len(tokens), chain)
    infos, data = b"", b""
    for name, (shape, values) in tensors.items():
        data += b"\0" * (-len(data) % _ALIGNMENT)
        infos += _str(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        data += values
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)) + b"".join(metadata) + infos
    path.write_bytes(head + b"\0" * (-len(head) % _ALIGNMENT) + data)
    return path


def _tensors(size: int, count: int, chain: list[int]) -> dict[str, tuple[tuple[int, ...], bytes]]:
    def matrix(
        columns: int, rows: int, cells: dict[tuple[int, int], float] | None = None
    ) -> tuple[tuple[int, ...], bytes]:
        values = bytearray(4 * columns * rows)
        for (row, column), value in (cells or {}).items():
            struct.pack_into("<f", values, 4 * (row * columns + column), value)
        return (columns, rows), bytes(values)

    ones = struct.pack(f"<{size}f", *[1.0] * size)
    return {
        "token_embd.weight": matrix(size, count, {(token, token): 1.0 for token in range(count)}),
        "output_norm.weight": ((size,), ones),
        "output.weight": matrix(size, count, {(after, before): 10.0 for before, after in pairwise(chain)}),
        "blk.0.attn_norm.weight": ((size,), ones),
        **{f"blk.0.attn_{name}.weight": matrix(size, size) for name in ("q", "k", "v", "output")},
        "blk.0.ffn_norm.weight": ((size,), ones),
        "blk.0.ffn_gate.weight": matrix(size, 32),
        "blk.0.ffn_up.weight": matrix(size, 32),
        "blk.0.ffn_down.weight": matrix(32, size),
    }  # fmt: skip


def _str(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _key(name: str) -> bytes:
    return _str(name)


def _text(name: str, value: str) -> bytes:
    return _key(name) + struct.pack("<I", _STRING) + _str(value)


def _number(name: str, value: int) -> bytes:
    return _key(name) + struct.pack("<II", _U32, value)


def _array(name: str, kind: int, code: str, values: list[float] | list[int]) -> bytes:
    return _key(name) + struct.pack("<IIQ", _ARRAY, kind, len(values)) + struct.pack(f"<{len(values)}{code}", *values)
