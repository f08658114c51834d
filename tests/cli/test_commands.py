"""The commands that look at and tidy what lies on the disk."""

import json
from pathlib import Path
from typing import Any

import pytest

from rlm_tui.config.document import defaults_text
from rlm_tui.config.paths import Paths
from rlm_tui.config.settings import load_settings
from rlm_tui.session.log import LogWriter
from tests.cli.conftest import ENTRIES, Cli, write_session

TEXT = "".join(text for _, _, text in ENTRIES)


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# --- contexts ----------------------------------------------------------------------------------------------


def test_get_is_exact_by_offset(cli: Cli, session: Path) -> None:
    assert cli("context", "get", "--session", session.name, "--offset", 0, "--length", 9999).out == TEXT
    assert cli("context", "get", "--session", session.name, "--offset", 19, "--length", 11).out == TEXT[19:30]
    done = cli("context", "get", "--session", "a1b2c3", "--offset", 19, "--length", 11, "--json")
    shown = json.loads(done.out)
    assert set(shown) == {"offset", "length", "text", "entries"}
    assert (shown["offset"], shown["length"], shown["text"]) == (19, 11, TEXT[19:30])
    assert [entry["label"] for entry in shown["entries"]] == ["src/retry.py"]


@pytest.mark.parametrize("command", [("find", "backoff"), ("search", r"back\w+"), ("rank", "backoff")])
def test_searches_print_one_object_whose_hits_can_be_followed(
    cli: Cli, session: Path, command: tuple[str, str]
) -> None:
    done = cli("context", *command, "--session", session.name, "--json")
    assert done.code == 0
    (shown,) = objects(done.out)
    assert {"pattern", "total_found", "total_is_exact", "partial", "elapsed_ms", "hits"} <= set(shown)
    assert shown["pattern"] == command[1]
    hit = shown["hits"][0]
    assert {"offset", "length", "entry", "label", "line", "column", "snippet"} <= set(hit)
    assert "backoff" in TEXT[hit["offset"] : hit["offset"] + hit["length"]]
    if command[0] != "rank":
        assert (shown["total_found"], shown["total_is_exact"]) == (2, True)
        assert [(h["entry"], h["line"], h["column"]) for h in shown["hits"]] == [(0, 3, 12), (1, 1, 14)]


def test_max_results_and_type(cli: Cli, session: Path) -> None:
    done = cli("context", "find", "backoff", "--session", session.name, "--max-results", 1, "--json")
    (shown,) = objects(done.out)
    assert (len(shown["hits"]), shown["total_found"]) == (1, 2)
    done = cli("context", "find", "backoff", "--session", session.name, "--type", "user")
    assert done.out.startswith("prompt:1:14")
    assert "1 found" in done.err


def test_a_pattern_that_does_not_compile_fails_with_a_sentence(cli: Cli, session: Path) -> None:
    done = cli("context", "search", "(", "--session", session.name)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)


def test_stats_and_entries(cli: Cli, session: Path) -> None:
    stats = json.loads(cli("context", "stats", "--session", session.name, "--json").out)
    assert {"characters", "bytes", "entries", "by_type", "sources", "left_out", "index"} <= set(stats)
    assert (stats["characters"], stats["bytes"], stats["entries"]) == (len(TEXT), len(TEXT.encode()), 2)
    rows = objects(cli("context", "entries", "--session", session.name, "--json").out)
    assert [(row["number"], row["kind"], row["label"], row["start"], row["end"]) for row in rows] == [
        (0, "file", "src/retry.py", 0, len(ENTRIES[0][2])),
        (1, "user", "prompt", len(ENTRIES[0][2]), len(TEXT)),
    ]
    assert "src/retry.py" in cli("context", "entries", "--session", session.name).out


# --- sessions ----------------------------------------------------------------------------------------------


def test_sessions_are_listed_newest_first(cli: Cli, home: Paths, session: Path, tmp_path: Path) -> None:
    write_session(home, "20260301-000000-ffffff", str(tmp_path), "Newer")
    rows = objects(cli("sessions", "--json").out)
    assert [row["id"] for row in rows] == ["20260301-000000-ffffff", session.name]
    assert {"project", "title", "turns", "calls", "tokens", "cost", "context_chars"} <= set(rows[0])
    assert objects(cli("sessions", "list", "--project", tmp_path, "--json").out) == rows[:1]
    assert "Newer" in cli("sessions").out


def test_sessions_can_be_renamed_forked_searched_and_deleted(cli: Cli, home: Paths, session: Path) -> None:
    assert cli("sessions", "rename", "a1b2c3", "Other name").code == 0
    forked = cli("sessions", "fork", "a1b2c3").out.strip()
    assert forked != session.name
    titles = {row["id"]: (row["title"], row["forked_from"]) for row in objects(cli("sessions", "--json").out)}
    assert titles == {session.name: ("Other name", ""), forked: ("Other name", session.name)}
    (match, *_) = objects(cli("sessions", "search", "THE BACKOFF", "--json").out)
    assert match["kind"] == "prompt"
    assert cli("sessions", "delete", forked, "--yes").code == 0
    assert [path.name for path in home.sessions.iterdir()] == [session.name]


def test_log_shows_events_and_every_record_as_json(cli: Cli, session: Path) -> None:
    done = cli("log")
    assert [line.split()[2] for line in done.out.splitlines()] == [
        "SessionOpened", "TitleSet", "EntryAppended", "EntryAppended", "TurnStarted", "TurnFinished",
    ]  # fmt: skip
    assert len(cli("log", "-n", 2).out.splitlines()) == 2
    assert [record["seq"] for record in objects(cli("log", session.name, "--json").out)] == list(range(6))


def test_clear_asks_first_and_leaves_what_is_open(cli: Cli, home: Paths, session: Path) -> None:
    home.make(home.corpora / "unused")
    kept = write_session(home, "20260301-000000-ffffff", "/x")
    writer = LogWriter(kept)
    try:
        assert "--yes" in cli("clear", "--all").err
        assert session.is_dir()
        done = cli("clear", "--all", "--yes")
        assert done.code == 0
        assert "is open" in done.err
        assert (session.exists(), kept.exists(), home.corpora.exists()) == (False, True, True)
        assert cli("clear", kept.name, "--yes").code == 1
        assert kept.exists()
    finally:
        writer.close()
    shown = json.loads(cli("clear", "--yes", "--json").out)
    assert shown["deleted"] == [str(home.corpora / "unused")]
    assert cli("clear", "--all", "--yes").code == 0
    assert (kept.exists(), home.corpora.exists()) == (False, False)


# --- what is in force --------------------------------------------------------------------------------------


def test_status_shows_values_and_where_each_came_from(cli: Cli, session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_TOKEN_RESERVE", "777")
    shown = json.loads(cli("status", "--json").out)
    assert shown["values"]["RLM_TOKEN_RESERVE"] == {
        "key": "window.reserve",
        "value": 777,
        "origin": "RLM_TOKEN_RESERVE",
    }
    assert shown["values"]["RLM_CAPTURE_MIN_CHARS"]["value"] == 500
    assert shown["values"]["RLM_CAPTURE_MIN_CHARS"]["origin"] == "default"
    assert shown["values"]["RLM_TUI_HOME"]["value"] == str(session.parent.parent)
    assert shown["model"] == "offline"
    assert shown["sessions"] == 1
    assert shown["disk_bytes"]["sessions"] > 0
    assert "RLM_TOKEN_RESERVE" in cli("status").out


def test_defaults_are_printed_as_they_are(cli: Cli, home: Paths) -> None:
    done = cli("config", "show", "--defaults")
    assert (done.code, done.out, done.err) == (0, defaults_text(), "")
    assert cli("config", "path").out == f"{home.config_file}\n"


def test_edit_opens_an_editor_on_a_file_that_changes_nothing(
    cli: Cli, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", "sed -i 's/^# theme = .*/theme = \"nord\"/'")
    assert cli("config", "edit").code == 0
    loaded = load_settings(home, None, {}, {})
    assert (list(loaded.origin), loaded.problems) == (["ui.theme"], [])
    monkeypatch.setenv("VISUAL", "false")
    done = cli("config", "edit")
    assert (done.code, done.err.count("\n")) == (1, 1)


def test_trust_shows_what_it_trusts(cli: Cli, home: Paths, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "rlm-tui.toml").write_text('[ui]\ntheme = "nord"\n')
    assert cli("config", "trust", "-C", project).code == 1  # nobody answers
    assert load_settings(home, project, {}, {}).settings.ui.theme == "rlm-dark"
    done = cli("config", "trust", "-C", project, "--yes")
    assert 'theme = "nord"' in done.out
    assert load_settings(home, project, {}, {}).settings.ui.theme == "nord"
    cli("config", "trust", "-C", project, "--no-more")
    assert load_settings(home, project, {}, {}).settings.ui.theme == "rlm-dark"


def test_themes_and_models_are_listed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1234567890abcdef")
    themes = objects(cli("themes", "--json").out)
    assert [theme["name"] for theme in themes if theme["chosen"]] == ["rlm-dark"]
    assert len(themes) >= 12
    models = objects(cli("models", "--json").out)
    assert [model["model"] for model in models if model["chosen"]] == ["offline"]
    assert any(model["why"] == "OPENAI_API_KEY is set" for model in models)
    assert "sk-1234567890abcdef" not in str(models)


# --- folders -----------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with something to leave out."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "a.py").write_text("def alpha():\n    return 'naïve 🙂'\n", encoding="utf-8")
    (folder / "notes.md").write_bytes(b"# Notes\r\nabout alpha\r\n")
    (folder / "data.bin").write_bytes(bytes(range(256)) * 20)
    (folder / ".env").write_text("TOKEN=1\n")
    return folder


def test_ingest_says_what_it_read_and_left_out(cli: Cli, project: Path) -> None:
    (shown,) = objects(cli("ingest", project, "--json").out)
    assert (shown["path"], shown["files"], shown["changed"]) == (str(project), 2, 2)
    assert {item["path"] for item in shown["left_out"]} == {".env", "data.bin"}
    (project / "src" / "a.py").write_text("def beta(): ...\n")
    (shown,) = objects(cli("ingest", project, "--json").out)
    assert (shown["files"], shown["changed"]) == (2, 1)
    assert "data.bin" in cli("ingest", project).out


def test_a_folder_is_looked_into_as_it_is_now(cli: Cli, project: Path) -> None:
    (shown,) = objects(cli("context", "find", "alpha", "--path", project, "--json").out)
    assert (shown["total_found"], shown["partial"]) == (2, False)
    (project / "src" / "b.py").write_text("import alpha\n")
    done = cli("context", "find", "alpha", "--path", project, "--json")
    (shown,) = objects(done.out)
    assert {hit["label"] for hit in shown["hits"]} == {"notes.md", "src/a.py", "src/b.py"}
    for hit in shown["hits"]:
        got = cli("context", "get", "--path", project, "--offset", hit["offset"], "--length", hit["length"])
        assert got.out == "alpha"
    stats = json.loads(cli("context", "stats", "--path", project, "--json").out)
    assert (stats["entries"], stats["left_out_total"]) == (3, 2)
    (ranked,) = objects(cli("context", "rank", "alpha", "--path", project / "notes.md", "--json").out)
    assert [hit["label"] for hit in ranked["hits"]] == ["notes.md"]


def test_the_whole_file_system_is_not_read_unasked(cli: Cli) -> None:
    done = cli("ingest", "/")
    assert (done.code, done.out) == (2, "")
    assert "--yes" in done.err
