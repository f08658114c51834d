"""The patterns that searches are measured with, each with a word on what it stands for."""

from typing import NamedTuple


class Mixed(NamedTuple):
    """One pattern of the mixed set."""

    name: str
    pattern: str


RARE = r"NEEDLE-000007"
ABSENT = r"zzzqqqxxyy_not_there"
NEEDLES = r"NEEDLE-\d{6}-[0-9a-f]{12}"

MIXED = (
    Mixed("literal, rare", RARE),
    Mixed("literal, absent", ABSENT),
    Mixed("literal with classes", NEEDLES),
    Mixed("literal, frequent", r"self\.sen"),
    Mixed("either case", r"(?i)connectionreseterror"),
    Mixed("alternatives, rare", r"NEEDLE-000001|NEEDLE-000005|zzqqnothing"),
    Mixed("word in a definition", r"\bdef \w+_async_\w+\(self"),
    Mixed("CJK", r"索引分段"),
    Mixed("anchored line", r"^import \w+ as np$"),
    Mixed("identifier by its end", r"\w+_sensentoto\b"),
    Mixed("error with its words", r"TimeoutError: \w+ est"),
    Mixed("two words on one line", r"scheduler.*PermissionError"),
    Mixed("no literal, absent", r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}"),
    Mixed("no literal, address", r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}:\d{4}\b"),
    Mixed("no literal, never", r"[qz]{7,}[0-9]{3}"),
    Mixed("no literal, everywhere", r"[0-9a-f]{16}"),
)

HOSTILE = (
    Mixed("nested repeats", r"(?:(?:\w+\s?)+){1,40}\w{3}!{9}"),
    Mixed("backtracking, look-around", r"(?=((?:\w+ ?)+)+!!)\w"),
    Mixed("back reference", r"(\w+ ?)+\1{3}!!"),
)

QUERIES = (
    "scheduler timeout error",
    "router cache gateway",
    "connection reset by the indexer",
    "索引分段",
    "needle found here",
)
