"""Export as JSON Lines or a bundle, and import: nothing is lost, nothing secret leaves, nothing foreign is trusted."""

import json
import zipfile
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlm_tui import events as ev
from rlm_tui.config.paths import Paths
from rlm_tui.context.corpus import Corpus
from rlm_tui.context.ignore import IgnoreRules
from rlm_tui.context.store import ContextStore
from rlm_tui.errors import ContextError, RlmTuiError, UsageError
from rlm_tui.session.export.bundle import write_bundle
from rlm_tui.session.export.jsonl import line_schema, write_jsonl
from rlm_tui.session.export.parts import PARTS, chosen_parts
from rlm_tui.session.export.reading import Exported
from rlm_tui.session.export.writing import write_whole
from rlm_tui.session.importing import import_session
from rlm_tui.session.library import describe, session_directories
from rlm_tui.session.log import read_log
from rlm_tui.session.session import Session, fold_log
from rlm_tui.session.state import SessionState
from tests.support.generated_log import GeneratedLog, write_log
from tests.support.state_dump import dump_state

SECRET = "sk-proj-abcdefgh12345678"


def _paths(tmp_path: Path, name: str = "home") -> Paths:
    return Paths(home=tmp_path / name, config_dir=tmp_path / "config")


def _export(directory: Path, home: Path, target: Path) -> bytes:
    write_whole(target, write_jsonl(Exported(directory, home, environ={})))
    return target.read_bytes()


def _state(directory: Path) -> SessionState:
    state = SessionState()
    fold_log(directory, directory.parent.parent, state, None)
    return state


def _without_origin(lines: bytes) -> list[dict[str, object]]:
    records = [json.loads(line) for line in lines.splitlines()]
    records[1]["event"].pop("imported_from", None)
    return records


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1_000))
def test_a_round_trip_loses_nothing(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    tmp_path = tmp_path_factory.mktemp("trip")
    here, there = _paths(tmp_path, "here"), _paths(tmp_path, "there")
    directory = write_log(here.make(here.sessions), GeneratedLog(250, seed))
    first = _export(directory, here.home, tmp_path / "a.jsonl")
    imported = import_session(there, tmp_path / "a.jsonl")
    assert imported.problems == ()
    second = _export(imported.directory, there.home, tmp_path / "b.jsonl")
    assert _without_origin(second) == _without_origin(first)
    was, now = dump_state(_state(directory)), dump_state(_state(imported.directory))
    assert now.pop("imported_from") == directory.name
    was.pop("imported_from")
    assert now == was
    assert describe(imported.directory).imported_from == directory.name


def test_equal_sessions_give_equal_exports(tmp_path: Path) -> None:
    paths = _paths(tmp_path)
    directory = write_log(paths.make(paths.sessions), GeneratedLog(200, 4))
    exports = [b"".join(write_jsonl(Exported(directory, paths.home, environ={}))) for _ in range(2)]
    bundles = [b"".join(write_bundle(Exported(directory, paths.home, environ={}))) for _ in range(2)]
    assert exports[0] == exports[1]
    assert bundles[0] == bundles[1]


def test_every_line_fits_the_schema(tmp_path: Path) -> None:
    directory = write_log(tmp_path, GeneratedLog(300, 8))
    validator = jsonschema.Draft202012Validator(line_schema())
    lines = list(write_jsonl(Exported(directory, tmp_path, environ={})))
    for line in lines:
        validator.validate(json.loads(line))
    assert len(lines) > 300
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"session": "s", "seq": 0, "at": 0.0, "event": {"type": "Nonsense"}})


def _session_with(paths: Paths, *entries: tuple[ev.EntryKind, str, str]) -> Session:
    session = Session.create(paths.make(paths.sessions), paths.home, project=Path("/p"), model="m")
    for kind, label, text in entries:
        session.append_entry(kind, label, text)
    return session


def test_large_texts_and_unknown_events_come_along(tmp_path: Path) -> None:
    here, there = _paths(tmp_path, "here"), _paths(tmp_path, "there")
    large = "words and \u20ac signs\n" * 10_000
    session = _session_with(here, ("tool", "t1", large), ("user", "#1", "small"))
    session.record(ev.UnknownEvent({"type": "OfTomorrow", "field": [1, {"a": None}]}))
    session.close()
    _export(session.directory, here.home, tmp_path / "a.jsonl")
    imported = import_session(there, tmp_path / "a.jsonl")
    store = ContextStore(there.home)
    assert fold_log(imported.directory, there.home, SessionState(), store) == []
    assert store.read(0, len(large) + 5) == large + "small"
    store.close()
    unknown = [r.event for r in read_log(imported.directory / "events.jsonl") if isinstance(r, ev.Envelope)]
    assert ev.UnknownEvent({"type": "OfTomorrow", "field": [1, {"a": None}]}) in unknown


def test_secrets_are_masked_and_counted_and_offsets_stay(tmp_path: Path) -> None:
    paths = _paths(tmp_path)
    text = f"key = {SECRET}\nand after: value-of-env-1 end"
    session = _session_with(paths, ("file", "a.env", text), ("tool", "t1", "x" * 70_000 + "\n" + SECRET))
    session.record(ev.TurnStarted(1, f"why does {SECRET} not work?\n{SECRET}"))
    session.record(ev.ToolRequested("t1", "bash", {"command": "curl -H 'Authorization: Bearer abcdef123456'"}))
    session.close()
    exported = Exported(session.directory, paths.home, environ={"MY_API_KEY": "value-of-env-1"})
    write_whole(tmp_path / "a.jsonl", write_jsonl(exported))
    data = (tmp_path / "a.jsonl").read_text()
    assert SECRET not in data
    assert "value-of-env-1" not in data
    assert "abcdef123456" not in data
    assert exported.masker.found["key in a known format"] == 4
    assert exported.masker.found["value of MY_API_KEY"] == 1
    assert exported.masker.found["bearer token"] == 1
    assert "6 secrets were masked" in exported.report()[0]
    imported = import_session(_paths(tmp_path, "there"), tmp_path / "a.jsonl")
    store = ContextStore(tmp_path / "there")
    fold_log(imported.directory, tmp_path / "there", SessionState(), store)
    assert store.chars == len(text) + 70_001 + len(SECRET)
    assert store.read(text.index("and after"), 9) == "and after"
    store.close()


@pytest.mark.parametrize("part", list(PARTS))
def test_parts_that_are_left_out_leave_no_text(tmp_path: Path, part: str) -> None:
    paths = _paths(tmp_path)
    session = _session_with(paths, ("file", "a.py", "SECRET-context"))
    record = session.record
    record(ev.Notice("info", "SECRET-notices"))
    record(ev.TurnStarted(1, "q"))
    record(ev.CallStarted("root", "m", "q"), call=1)
    record(ev.ReasoningDelta("SECRET-reasoning"), call=1)
    record(ev.ReplyFinished("", "m", reasoning="SECRET-reasoning"), call=1)
    record(ev.ToolRequested("t1", "rlm_query", {}), call=1)
    record(ev.CallStarted("query", "m", "SECRET-calls", request="t1"), call=2, parent=1, depth=1)
    record(ev.TextDelta("SECRET-calls"), call=2, parent=1, depth=1)
    record(ev.ReplyFinished("SECRET-calls", "m"), call=2, parent=1, depth=1)
    record(ev.CallFinished("SECRET-calls"), call=2, parent=1, depth=1)
    record(ev.ToolOutput("t1", "SECRET-tools"), call=1)
    record(ev.ToolFinished("t1", "rlm_query", True, "SECRET-tools", "s", 1.0, data={"diff": "SECRET-files"}), call=1)
    record(ev.TurnFinished(1, "the answer", "m"))
    session.close()
    exported = Exported(session.directory, paths.home, parts=chosen_parts([], [part]), environ={})
    lines = b"".join(write_jsonl(exported)).decode()
    for other in PARTS:
        assert (f"SECRET-{other}" in lines) == (other != part)
    assert "the answer" in lines
    bare = Exported(session.directory, paths.home, parts=chosen_parts(["tools"], []), environ={})
    assert "SECRET-tools" in (only := b"".join(write_jsonl(bare)).decode())
    assert only.count("SECRET") == lines.count("SECRET-tools") or part == "tools"


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(UsageError, match="no part 'thoughts'"):
        chosen_parts([], ["thoughts"])


def _project_session(paths: Paths, project: Path) -> Session:
    report = Corpus(paths.make(paths.home), project).refresh(rules=IgnoreRules())
    session = Session.create(paths.make(paths.sessions), paths.home, project=project, model="m")
    for ref in report.segments:
        session.attach(ref)
    return session


def test_a_bundle_opens_where_the_project_is_not(tmp_path: Path) -> None:
    here, there = _paths(tmp_path, "here"), _paths(tmp_path, "there")
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.py").write_text("first = 1\n")
    (project / "b.py").write_text(f"second = '\u20ac'\nkey = '{SECRET}'\n")
    (project / "c.py").write_text("third = 3\n")
    session = _project_session(here, project)
    second = next(entry for entry in session.context.entries() if entry.label.endswith("b.py"))
    session.record(ev.SpanTouched((ev.Span(second.start, second.start + 6, "read"),)))
    session.append_entry("user", "#1", "what is second?")
    chars = session.context.chars
    session.close()
    write_whole(tmp_path / "s.zip", write_bundle(Exported(session.directory, here.home, environ={})))
    imported = import_session(there, tmp_path / "s.zip")
    store = ContextStore(there.home)
    missing = fold_log(imported.directory, there.home, SessionState(), store)
    assert missing == [f"Of 3 entries of {project}, 1 are here with their text."]
    assert store.chars == chars
    assert [entry.label for entry in store.entries()][-4:] == ["a.py", "b.py", "c.py", "#1"]
    assert store.read(second.start, 12) == "second = '\u20ac'"
    assert SECRET not in store.read(second.start, second.chars)
    assert [hit.offset for hit in store.find("second").hits] == [second.start, chars - 7]
    with pytest.raises(ContextError, match="missing"):
        store.read(0, 5)
    store.close()


def test_a_copied_folder_says_which_text_it_lacks(tmp_path: Path) -> None:
    here, there = _paths(tmp_path, "here"), _paths(tmp_path, "there")
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.py").write_text("first = 1\n")
    session = _project_session(here, project)
    session.close()
    there.make(there.sessions)
    session.directory.rename(there.sessions / session.id)
    opened = Session.resume(there.sessions / session.id, there.home)
    assert any("cannot be read" in line and str(project) in line for line in opened.missing)
    opened.close()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a session"),
        (b"\x00\xff\xfe", "not a session"),
        (b'{"type":"something"}\n', "not a session"),
        (b"[" * 100_000, "not a session"),
        (b'{"type":"rlm-tui-session","format":99,"app_version":"9","session":"s","parts":[]}\n', "newer version"),
        (b'{"type":"rlm-tui-session","format":1,"app_version":"0","session":"s","parts":[]}\n', "no whole record"),
        (b"PK\x03\x04 not a zip", "not a session"),
    ],
)
def test_what_is_no_export_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    paths = _paths(tmp_path)
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(RlmTuiError, match=complaint):
        import_session(paths, tmp_path / "x")
    assert session_directories(paths) == []
    assert not paths.sessions.exists() or list(paths.sessions.iterdir()) == []


def test_a_flipped_or_cut_file_gives_what_is_whole(tmp_path: Path) -> None:
    directory = write_log(tmp_path / "s", GeneratedLog(120, 2))
    lines = b"".join(write_jsonl(Exported(directory, tmp_path, environ={}))).splitlines(keepends=True)
    lines[40] = b"\x00" + lines[40][1:]
    (tmp_path / "x.jsonl").write_bytes(b"".join(lines)[:-20])
    imported = import_session(_paths(tmp_path), tmp_path / "x.jsonl")
    assert [problem.split(" cannot")[0] for problem in imported.problems] == ["Line 41", f"Line {len(lines)}"]
    assert imported.records == len(lines) - 3


def _lines_with(event: dict[str, object]) -> bytes:
    header = {"type": "rlm-tui-session", "format": 1, "app_version": "0", "session": "../../evil", "parts": []}
    opened = {"type": "SessionOpened", "format": 1, "app_version": "0", "project": "/p", "model": "m"}
    envelopes = [{"session": "s", "seq": n, "at": 1.0, "event": e} for n, e in enumerate((opened, event))]
    return b"".join(json.dumps(line).encode() + b"\n" for line in (header, *envelopes))


def test_a_file_from_elsewhere_names_no_files_here(tmp_path: Path) -> None:
    paths = _paths(tmp_path)
    victim = tmp_path / "mine.duckdb"
    victim.write_bytes(b"not a database, but mine")
    attached = {
        "type": "SegmentAttached", "segment": "mine", "sha": "", "path": str(victim), "source": "x", "first_entry": 0,
        "entries": 1, "start": 0, "chars": 5, "live": [[0, 0]],
    }  # fmt: skip
    (tmp_path / "x.jsonl").write_bytes(_lines_with(attached))
    imported = import_session(paths, tmp_path / "x.jsonl")
    assert imported.directory.parent == paths.sessions
    opened = Session.resume(imported.directory, paths.home)
    assert victim.read_bytes() == b"not a database, but mine"
    assert any("cannot be read" in line for line in opened.missing)
    opened.close()


def test_an_entry_cannot_name_a_file_or_lie_about_its_size(tmp_path: Path) -> None:
    paths = _paths(tmp_path)
    entry = {"type": "EntryAppended", "entry": 0, "kind": "file", "label": "a", "start": 0, "chars": 5, "sha": ""}
    for bad, complaint in (({"output": "../../../etc/passwd"}, "names a file"), ({"text": "four"}, "4 characters")):
        (tmp_path / "x.jsonl").write_bytes(_lines_with({**entry, **bad}))
        with pytest.raises(UsageError, match=complaint):
            import_session(paths, tmp_path / "x.jsonl")
        assert session_directories(paths) == []


def test_a_damaged_bundle_is_refused(tmp_path: Path) -> None:
    paths = _paths(tmp_path)
    directory = write_log(tmp_path / "s", GeneratedLog(120, 2))
    whole = b"".join(write_bundle(Exported(directory, tmp_path, environ={})))
    middle = len(whole) // 3
    (tmp_path / "x.zip").write_bytes(whole[:middle] + b"\x00\x00\x00\x00" + whole[middle + 4 :])
    with pytest.raises(UsageError, match="damaged"):
        import_session(paths, tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as archive:
        archive.writestr("other.txt", "hello")
    with pytest.raises(UsageError, match="holds no session"):
        import_session(paths, tmp_path / "y.zip")
    assert session_directories(paths) == []


def test_nothing_is_overwritten_and_no_part_is_left(tmp_path: Path) -> None:
    target = tmp_path / "out.md"
    target.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        write_whole(target, [b"new"])
    with pytest.raises(UsageError, match="is a directory"):
        write_whole(tmp_path, [b"new"], force=True)
    with pytest.raises(UsageError, match="cannot be written"):
        write_whole(tmp_path / "no" / "such", [b"new"])

    def failing() -> object:
        yield b"half"
        raise UsageError("stopped")

    with pytest.raises(UsageError, match="stopped"):
        write_whole(target, failing(), force=True)  # type: ignore[arg-type]  # a generator of bytes that fails
    assert target.read_text() == "mine"
    assert write_whole(target, [b"new"], force=True) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["out.md"]
