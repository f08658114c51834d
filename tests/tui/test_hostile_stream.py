"""Text that would drive the terminal goes through every place of the screen; the stream holds only our sequences."""

import base64
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.terminal import Terminal
from tests.support.control_sequences import foreign_sequences
from tests.support.scripted_server import Request, ScriptedServer, Text, Tool, Turn, Usage

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")

OWN_CASES = [
    "\x1b]0;title\x07",
    "\x1b]52;c;b3duZWQ=\x07",
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[H",
    "\x1b[8mhidden",
    "\x1bPq#0;2;0;0;0#0~~\x1b\\",
    "\x1b_Gf=32;AAAA\x1b\\",
    "\x9b31mred",
    "\x9d0;title\x9c",
    "\x90q\x9c",
    "\x1b[?1049l",
    "\x1bc",
    "\x0e\x0f",
    "\b\b\b\b",
    "\x07",
    "\x00",
    "\x7f",
    "over\rwritten",
    "\x85",
    "\u202ertl\u202c",
    "\u2066x\u2069",
    "zero\u200bwidth\u200d\ufeff",
    "\u061c",
    "e" + "\u0301" * 80,
    "[bold red]markup[/] [@click=app.quit]x[/]",
    "[/nope]",
    "\u2028line\u2029",
    "\U000e0041\U000e0042",
    "```\n\x1b[31m\n",
    "| a |\n|---|\n| \x1b]0;x\x07 |\n",
    "![x](\x1b]0;x\x07)",
]


def _corpus_cases() -> list[str]:
    folder = Path(os.environ.get("RLM_TUI_CORPORA") or "/nowhere")
    cases: list[str] = []
    garak, naughty = folder / "terminal-injection" / "garak-ansi.json", folder / "blns" / "blns.base64.json"
    if garak.is_file():
        cases += [text for texts in json.loads(garak.read_text()).values() for text in texts]
    if naughty.is_file():
        cases += [base64.b64decode(text).decode("utf-8", "replace") for text in json.loads(naughty.read_text())]
    utf8 = folder / "utf8tests" / "utf8tests.bin"
    if utf8.is_file():
        cases.append(utf8.read_bytes().decode("utf-8", "replace"))
    return cases


def _file_name(text: str) -> str:
    return re.sub("[/\x00]", "_", text).encode("utf-8", "replace")[:60].decode("utf-8", "ignore") or "_"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def _project(folder: Path, cases: list[str]) -> Path:
    project = folder / ("pro\x1b]0;ject\x07" + "\u202e")
    project.mkdir()
    for number, case in enumerate(cases[:40]):
        (project / f"{number:02d}{_file_name(case)}.md").write_text(case, encoding="utf-8")
    (project / "all.txt").write_text("\n".join(cases), encoding="utf-8")
    (project / "broken.txt").write_bytes(b"caf\xe9 \xff\xfe \xed\xa0\x80 \x1b]0;bytes\x07 text\n" * 20)
    return project


def _theme(config: Path) -> None:
    themes = config / "themes"
    themes.mkdir(parents=True)
    name = "evil \\u001b]0;theme\\u0007 \\u202e [bold]x[/]"
    (themes / "evil.toml").write_text(f'name = "{name}"\ndark = true\n[roles]\n"\\u001b]0;role\\u0007" = "#000000"\n')


@pytest.mark.parametrize("source", ["own", "corpora"])
def test_only_our_own_sequences_reach_the_terminal(source: str, tmp_path: Path, server: ScriptedServer) -> None:
    cases = OWN_CASES if source == "own" else _corpus_cases()
    if not cases:
        pytest.skip("RLM_TUI_CORPORA names no folder with terminal-injection or blns")
    everything = "\n\n".join(cases)
    size = 2_500  # of one answer: the screen shows its end, and a few pages above it
    parts = [everything[at : at + size] for at in range(0, len(everything), size)]
    config = tmp_path / "config"
    _theme(config)

    def answer(request: Request) -> Turn:
        part = parts[len(request.tool_results) % len(parts)]
        if request.tool_results:
            return Turn(Text(*re.findall(r"(?s).{1,40}", part)), Text(" end-marker"), Usage(9, 9))
        case = cases[len(request.prompt) % len(cases)]
        return Turn(
            Text(part), Tool(_file_name(case), {case: case}), Tool("rlm_find", {"text": case or "x"}),
            Tool("rlm_get_context", {"offset": 0, "length": 3_000}), Tool("rlm_search", "{" + case),
        )  # fmt: skip

    server.answer(answer)
    env = {
        "RLM_TUI_HOME": str(tmp_path / "home"), "RLM_TUI_CONFIG": str(config),
        "OPENAI_API_BASE": server.base_url, "OPENAI_API_KEY": "x",
    }  # fmt: skip
    argv = [sys.executable, "-m", "rlm_tui", str(_project(tmp_path, cases)), "-m", "openai/scripted"]
    with Terminal(argv, Path(__file__).parents[2], env) as terminal:
        terminal.wait_for(b"entries")
        terminal.write(b"\x1b[200~" + cases[0].encode() + b" asked\x1b[201~\r")
        terminal.wait_for(b"end-marker", 60)
        pages = [b"\x1b[6~"] * 3
        browser = [b"\t", b"\x1b[B", b"\r", *pages, b"/", b"title", b"\r", b"\x1b", b"e", b"\x1b[F", b"\r"]
        trace = [b"\t", b"\x1b[H", b"\x1b[B", b"\x1b[B", b"d", b"\x1b", b"e", b"d", b"\x1b", b"/", b"errors", b"\r"]
        dialogs = [b"\x1b", b"\x18e", b"evil", b"\r", b"\x18s", b"\x1b", b"\x10", b"\x1b", b"\x18p", b"@0", b"\x0f"]
        for keys in (*browser, *trace, *dialogs):
            terminal.write(keys)
            terminal.drain(0.08)
        terminal.write(b"\x03")
        terminal.drain(0.3)
    strange = foreign_sequences(bytes(terminal.seen))
    assert b"Traceback" not in terminal.seen
    assert not strange, sorted(set(strange))[:10]


def test_the_test_itself_sees_what_is_foreign() -> None:
    for case in (case for case in OWN_CASES[:12] if "[8m" not in case):
        assert foreign_sequences(b"text" + case.encode() + b"text" + case.encode() + b"\x1b[?1049l"), case
    assert not foreign_sequences(b"\x1b[?1049h\x1b[38;2;1;2;3mtext\x1b[0m\x1b[4;1Hmore\r\n")
