"""Markdown, HTML and JSON exports: complete, valid, and nothing in them acts."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from markdown_it import MarkdownIt

from rlm_tui import events as ev
from rlm_tui.session.export.html import SCRIPT, STYLE, content_security_policy, write_html
from rlm_tui.session.export.json_document import document_schema, write_json
from rlm_tui.session.export.markdown import write_markdown
from rlm_tui.session.export.markdown_text import harmless_markdown
from rlm_tui.session.export.reading import Exported
from rlm_tui.session.session import Session
from tests.support.generated_log import GeneratedLog, write_log

ATTACKS = (
    "<script>document.title='pwned'</script>",
    "<img src=x onerror=\"document.title='pwned'\">",
    "\"><svg onload=document.title='pwned'>",
    "'><a href='javascript:alert(1)'>x</a>",
    "[click](javascript:document.title='pwned') ![i](https://example.invalid/i.png)",
    "[a]: javascript:alert(1)\n[a]",
    "</pre></details></style><style>*{display:none}</style>",
    "```\n</code><script>document.title='pwned'</script>",
    "````` fence ````` and ~~~\n<!-- comment",
    "]]> &lt;b&gt; \x1b[31mred\x1b]0;t\x07 \u202eevil\u202c \x00 \ud800",
    "# heading\n\n---\n| a | b |\n|---|---|\n| <b>x</b> | y |",
)
ALL = "\n\n".join(ATTACKS).replace("\ud800", "\ufffd")


def _hostile_session(tmp_path: Path) -> Exported:
    session = Session.create(tmp_path / "sessions", tmp_path, project=Path(f"/p/{ATTACKS[0]}"), model=ATTACKS[1])
    record = session.record
    record(ev.TitleSet(ATTACKS[0] + ATTACKS[2]))
    session.append_entry("file", ATTACKS[2] + ALL, ALL)
    chars = session.context.chars
    cited = (ev.Citation(0, 40, ALL, 0, ALL),)
    for attack in (*ATTACKS[:-2], ALL):
        text = attack.replace("\ud800", "\ufffd")
        turn = len(session.state.turns) + 1
        record(ev.Notice("error", text))
        record(ev.TurnStarted(turn, text))
        record(ev.CallStarted("root", text, text), call=turn * 10)
        record(ev.ReasoningDelta(text), call=turn * 10)
        record(ev.ReplyFinished(text, text, reasoning=text), call=turn * 10)
        record(ev.ToolRequested(f"t{turn}", text, {text: text}), call=turn * 10)
        record(ev.CallStarted("query", text, text, (ev.Span(0, chars, "sent"),), f"t{turn}"),
               call=turn * 10 + 1, parent=turn * 10, depth=1)  # fmt: skip
        record(ev.CallFailed("internal", text), call=turn * 10 + 1, parent=turn * 10, depth=1)
        data = {"diff": f"--- a\n+++ b\n@@ -1 +1 @@\n-{text}\n+{text}"}
        record(ev.ToolFinished(f"t{turn}", text, True, text, text, 1.0, data=data), call=turn * 10)
        record(ev.ToolRequested(f"u{turn}", "bash", {}), call=turn * 10)
        record(ev.ToolFinished(f"u{turn}", "bash", False, text, text, 1.0), call=turn * 10)
        record(ev.CallFinished(f"{text} [0-40]", cited), call=turn * 10)
        record(ev.TurnFinished(turn, f"{text} [0-40]", text, cited))
    session.close()
    return Exported(session.directory, tmp_path, environ={})


class _Page(HTMLParser):
    """Gathers every tag with its attributes, and the text of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.code: dict[str, list[str]] = {"script": [], "style": []}
        self.ids: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in ("meta", "input", "br", "hr", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.code:
            self.code[self.open[-1]].append(data)


ALLOWED_TAGS = set(
    "html head meta title style body input div header h1 h2 h3 h4 h5 h6 nav a span label p figure svg rect figcaption "
    "main section article pre code details summary ul ol li small mark script dl dt dd strong em s hr br blockquote "
    "table thead tbody tr th td".split()
)
ALLOWED_ATTRIBUTES = set(
    "lang charset http-equiv content name type id class href for title rel viewbox preserveaspectratio role aria-label "
    "x y width height open start style".split()
)


def _check_page(page: str) -> _Page:
    parsed = _Page(page)
    assert parsed.open == []
    assert {tag for tag, _ in parsed.tags} <= ALLOWED_TAGS
    assert "".join(parsed.code["script"]) == SCRIPT
    assert "".join(parsed.code["style"]) == STYLE
    assert sum(tag in ("script", "style") for tag, _ in parsed.tags) == 2
    for tag, attributes in parsed.tags:
        assert set(attributes) <= ALLOWED_ATTRIBUTES, tag
        assert re.fullmatch(r"#[A-Za-z0-9_-]+|https?://.*|mailto:.*", attributes.get("href") or "#x"), attributes
    assert len(parsed.ids) == len(set(parsed.ids))
    targets = {a["href"] for _, a in parsed.tags if (a.get("href") or "").startswith("#")}
    assert {str(target)[1:] for target in targets} <= set(parsed.ids)
    return parsed


def test_the_page_holds_nothing_that_acts(tmp_path: Path) -> None:
    page = b"".join(write_html(_hostile_session(tmp_path))).decode()
    _check_page(page)
    assert f'content="{content_security_policy()}"' in page
    assert "default-src 'none'" in content_security_policy()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", page)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium here")
def test_a_browser_runs_nothing_of_it(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_bytes(b"".join(write_html(_hostile_session(tmp_path))))
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000",
               f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, timeout=120, check=True).stdout.decode()
    assert "<title>pwned" not in dom
    assert 'type="search"' in dom  # our own script ran, so the policy lets it


def test_the_page_tells_the_whole_session(tmp_path: Path) -> None:
    directory = write_log(tmp_path, GeneratedLog(600, 21))
    exported = Exported(directory, tmp_path, environ={})
    page = b"".join(write_html(exported)).decode()
    parsed = _check_page(page)
    state = exported.state
    assert {f"turn-{turn.number}" for turn in state.turns} <= set(parsed.ids)
    assert {"n-" + key.replace(":", "-") for key in state.nodes} <= set(parsed.ids)
    assert f"{state.context_chars:,} characters" in page
    assert page.count("<rect") > len(state.nodes) // 2


def test_an_excerpt_shows_the_characters_that_an_answer_rests_on(tmp_path: Path) -> None:
    session = Session.create(tmp_path / "sessions", tmp_path, project=Path("/p"), model="m")
    session.append_entry("file", "a.py", "one\ntwo\nthree = 'x < y'\nfour\nfive\n")
    session.record(ev.TurnStarted(1, "q"))
    citation = (ev.Citation(8, 23, "a.py", 0),)
    session.record(ev.TurnFinished(1, "See [8-23].", "m", citation))
    session.close()
    exported = Exported(session.directory, tmp_path, environ={})
    page = b"".join(write_html(exported)).decode()
    assert '<a class="cited" href="#rest-1">[8-23]</a>' in page
    assert "two\n<mark>three = &#x27;x &lt; y&#x27;</mark>\nfour" in page
    assert "a.py, line 3" in page
    text = b"".join(write_markdown(Exported(session.directory, tmp_path, environ={}))).decode()
    assert "See \\[8\u201323\\][^1]." in text
    assert "[^1]: a.py, line 3, characters 8\u201323" in text
    document = json.loads(b"".join(write_json(Exported(session.directory, tmp_path, environ={}))))
    assert document["excerpts"][0]["text"] == "three = 'x < y'"


def test_markdown_stays_text(tmp_path: Path) -> None:
    text = b"".join(write_markdown(_hostile_session(tmp_path))).decode()
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    parsed = _Page(rendered)
    acting = {"script", "style", "iframe", "object", "svg", "form"}
    assert not acting & {tag for tag, _ in parsed.tags}
    for _, attributes in parsed.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert not (attributes.get("href") or "").lower().startswith("javascript")
    headings = [tag for tag, _ in parsed.tags if tag == "h2"]
    assert len(headings) >= len(ATTACKS)
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "attack",
    [
        "- item\n   ```\ntext <script>x</script>",
        "`\n`<script>x</script>`",
        "`` ` <b>`` <script>x</script> `",
        "\\`<script>x</script>`",
        "| ` <script>x</script> | ` |\n|---|---|\n| a | b |",
        "> ```\n<script>x</script>\n```",
        "```` `x` ````\n<script>x</script>",
        "~~~ a ` b\n~~~\n<script>x</script>",
        "<script\n>x</script>",
        "[x](javascript&#58;alert(1)) [y](&#106;avascript:alert(1)) [z](JaVaScRiPt\t:alert(1))",
        "[x]: javascript&colon;alert(1)\n\n[x]",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<javascript:alert(1)> <https://x.invalid>",
        "```\n<script>never closed</script>",
        "$`<script>x</script>`$ <details open ontoggle=x>",
    ],
)
def test_model_markdown_cannot_act(attack: str) -> None:
    for options in ("commonmark", "gfm-like"):
        markdown = MarkdownIt(options, {"html": True, "linkify": False})
        markdown.validateLink = lambda url: True  # type: ignore[method-assign]  # a viewer that checks nothing
        text = harmless_markdown(attack) + "\n\n# end\n"
        rendered = markdown.render(text)
        parsed = _Page(rendered)
        assert not {"script", "details"} & {tag for tag, _ in parsed.tags}, rendered
        for _, attributes in parsed.tags:
            address = re.sub(r"\s", "", attributes.get("href") or "").lower()
            assert not address.startswith(("javascript:", "data:")), rendered
        assert "<h1>end</h1>" in rendered


def test_model_markdown_keeps_its_code() -> None:
    text = "Use `List<int>` and `a && b`:\n\n```html\n<b>&amp;</b>\n```\n\n- `x<y>`\n\nthen\n\n    indented <code>\n"
    assert harmless_markdown(text) == text


def test_the_document_fits_its_schema(tmp_path: Path) -> None:
    directory = write_log(tmp_path, GeneratedLog(500, 13))
    exported = Exported(directory, tmp_path, environ={})
    document = json.loads(b"".join(write_json(exported)))
    jsonschema.Draft202012Validator(document_schema()).validate(document)
    assert document["totals"]["calls"] == exported.state.calls
    assert len(document["trace"]) == len(exported.state.nodes)
    assert len(document["entries"]) == exported.state.entry_count - 3


@pytest.mark.parametrize("write", [write_html, write_markdown, write_json])
def test_equal_sessions_give_equal_pages(tmp_path: Path, write: object) -> None:
    directory = write_log(tmp_path, GeneratedLog(200, 5))
    first, second = (b"".join(write(Exported(directory, tmp_path, environ={}))) for _ in range(2))  # type: ignore[operator]  # one of three functions
    assert first == second
