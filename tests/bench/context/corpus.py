"""A text corpus of any size that is the same everywhere: sources, logs and prose with needles at known rates.

About 47 % looks like source code, 28 % like logs with unique ids (a quarter of all text in one huge file), 25 %
like prose with CJK and emoji among it. `NEEDLE-<number>-<12 hex digits>` stands in some of the logs.
"""

import random
import string
from collections.abc import Iterator
from pathlib import Path

SEED = 7
_CJK = "数据库检索引擎上下文窗口并发写入日志恢复完整性测试用例模型推理工具调用错误处理内存带宽索引分段合并入力確認読込"
_SIGNS = ("😀", "🚀", "🔥", "✅", "🧠", "📦", "é", "ü", "→", "—")
_SERVICES = ("auth", "billing", "router", "scheduler", "cache", "gateway", "indexer", "worker")
_LEVELS = ("DEBUG", "INFO", "INFO", "INFO", "WARN", "ERROR")
_FAULTS = ("ConnectionResetError", "TimeoutError", "KeyError", "PermissionError")
_SYLLABLES = ("ra", "to", "mi", "sen", "dal", "per", "con", "ti", "vo", "lu", "ge", "nor", "ak", "est", "ful", "ber")
_HUGE_SHARE = 0.25
_FILES_IN_FOLDER = 60


class Corpus:
    """Generates the entries of a corpus of `chars` characters, in path order of nothing in particular."""

    def __init__(self, chars: int, seed: int = SEED) -> None:
        self._chars = chars
        self._random = random.Random(seed)
        self._words = sorted({self._word() for _ in range(6_000)})
        self.needles = 0

    def _word(self) -> str:
        return "".join(self._random.choices(_SYLLABLES, k=self._random.randrange(1, 5)))

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield `(label, text)` until there are as many characters as wanted; the last one is cut to fit."""
        left, number, huge_given = self._chars, 0, False
        while left > 0:
            if not huge_given and left <= self._chars * 0.65:
                label, text, huge_given = "logs/huge.log", self._log(int(self._chars * _HUGE_SHARE)), True
            else:
                label, text = self._file(number)
            number += 1
            yield label, text[:left]
            left -= len(text)

    def _file(self, number: int) -> tuple[str, str]:
        size = int(min(60_000, max(80, self._random.lognormvariate(8.7, 1.2))))
        folder = f"part{number // _FILES_IN_FOLDER:04d}"
        kind = self._random.random()
        if kind < 0.63:
            return f"{folder}/{self._random.choice(self._words)}_{number}.py", self._source(size)
        if kind < 0.67:
            return f"{folder}/run_{number}.log", self._log(size, needle=self._random.random() < 0.15)
        return f"{folder}/note_{number}.md", self._prose(size)

    def _source(self, size: int) -> str:
        pick, lines, made = self._random, [], 0
        while made < size:
            a, b, c, d = pick.choices(self._words, k=4)
            kind = pick.random()
            if kind < 0.08:
                line = f"\n\ndef {a}_{pick.choice(('async_', '', '', ''))}{b}(self, {c}, {d}=None):\n"
            elif kind < 0.12:
                line = f"import {a} as {pick.choice(('np', b[:3], c))}\n"
            elif kind < 0.3:
                line = f"    # {' '.join(pick.choices(self._words, k=8))}.\n"
            elif kind < 0.6:
                line = f"    {a} = self.{b}({c}, {d}[{pick.randrange(100)}])\n"
            else:
                line = f"        if {a}.{b} != {pick.randrange(10**4)}:\n            return {c}_{d}\n"
            lines.append(line)
            made += len(line)
        return "".join(lines)

    def _log(self, size: int, *, needle: bool = False) -> str:
        pick, lines, made = self._random, [], 0
        second = pick.randrange(86_400)
        while made < size:
            second += 1
            clock = f"{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
            line = (
                f"2026-11-{1 + second // 86_400 % 28:02d}T{clock}.{pick.randrange(1000):03d}Z {pick.choice(_LEVELS)}"
                f" [{pick.choice(_SERVICES)}-{pick.randrange(64)}] req={pick.getrandbits(64):016x}"
            )
            kind = pick.random()
            if kind < 0.7:
                line += f" GET /v1/{pick.choice(self._words)}/{pick.randrange(10**6)} bytes={pick.randrange(10**6)}\n"
            elif kind < 0.94:
                line += f" {' '.join(pick.choices(self._words, k=9))}\n"
            elif kind < 0.96:
                line += f" {pick.choice(_FAULTS)}: {' '.join(pick.choices(self._words, k=5))}\n"
            else:
                line += f" {pick.choice(_SIGNS)} {''.join(pick.choices(_CJK, k=18))}\n"
            lines.append(line)
            made += len(line)
        if needle:
            lines.append(f"found NEEDLE-{self.needles:06d}-{pick.getrandbits(48):012x} here\n")
            self.needles += 1
        return "".join(lines)

    def _prose(self, size: int) -> str:
        pick, parts, made = self._random, [], 0
        while made < size:
            kind = pick.random()
            if kind < 0.88:
                sentence = " ".join(pick.choices(self._words, k=pick.randrange(8, 40))).capitalize()
                part = sentence + pick.choice((". ", ".\n", "?\n\n"))
            elif kind < 0.97:
                part = "".join(pick.choices(_CJK, k=pick.randrange(10, 80))) + "。\n"
            else:
                part = f"{''.join(pick.choices(_SIGNS, k=3))} {''.join(pick.choices(string.digits, k=6))}\n"
            parts.append(part)
            made += len(part)
        return "".join(parts)


def write(folder: Path, flat: Path, chars: int, seed: int = SEED) -> tuple[int, int]:
    """Write a corpus as files in `folder` and as one file `flat`; return the number of files and of needles."""
    corpus, files = Corpus(chars, seed), 0
    with flat.open("wb") as whole:
        for label, text in corpus.files():
            data = text.encode()
            path = folder / label
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            whole.write(data)
            files += 1
    return files, corpus.needles
