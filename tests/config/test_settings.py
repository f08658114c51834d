"""Settings in layers, checked against the schema."""

from pathlib import Path

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from rlm_tui.config.document import defaults_text, reference_text, starting_text
from rlm_tui.config.paths import Paths
from rlm_tui.config.positions import key_lines
from rlm_tui.config.remembering import remember
from rlm_tui.config.settings import Loaded, Settings, environment_names, load_settings, parse_size
from rlm_tui.config.trust import distrust, project_files, trust
from rlm_tui.errors import ConfigError


def load(home: Paths, text: str, project: Path | None = None, **environ: str) -> Loaded:
    home.make(home.config_dir)
    home.config_file.write_text(text, encoding="utf-8")
    return load_settings(home, project, {}, environ)


def problems(loaded: Loaded) -> list[tuple[int, str]]:
    return [(problem.line, problem.message) for problem in loaded.problems]


def test_without_any_file_the_defaults_are_in_force(home: Paths) -> None:
    loaded = load_settings(home, None, {}, {})
    assert loaded.settings == Settings()
    assert loaded.problems == []
    assert not home.home.exists()
    assert not home.config_dir.exists()


def test_later_layers_beat_earlier_ones_and_say_so(home: Paths, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "rlm-tui.toml").write_text("[window]\nreserve = 3000\nmax_tokens = 30000\n")
    trust(home, project, project_files(project))
    home.make(home.config_dir)
    home.config_file.write_text("[window]\nreserve = 2000\n[capture]\nmin_chars = 7\n[budget]\ncalls = 9\n")
    loaded = load_settings(home, project, {"budget.calls": 11}, {"RLM_UPSTREAM_MAX_TOKENS": "40000"})
    assert (loaded.settings.window.reserve, loaded.settings.window.max_tokens) == (3000, 40000)
    assert (loaded.settings.capture.min_chars, loaded.settings.budget.calls) == (7, 11)
    assert loaded.origin == {
        "window.reserve": f"{project}/rlm-tui.toml:2",
        "window.max_tokens": "RLM_UPSTREAM_MAX_TOKENS",
        "capture.min_chars": f"{home.config_file}:4",
        "budget.calls": "flag",
    }


@pytest.mark.parametrize(
    ("variable", "key", "default"),
    [
        ("RLM_UPSTREAM_MAX_TOKENS", "window.max_tokens", 128_000),
        ("RLM_TOKEN_RESERVE", "window.reserve", 16_000),
        ("RLM_CAPTURE_MIN_CHARS", "capture.min_chars", 500),
        ("RLM_USER_MIN_CHARS", "capture.user_min_chars", 0),
        ("RLM_ASSISTANT_MIN_CHARS", "capture.assistant_min_chars", 50),
        ("RLM_CAPTURE_MAX_CHARS", "capture.max_chars", 50_000),
    ],
)
def test_the_promised_variables_are_honoured(home: Paths, variable: str, key: str, default: int) -> None:
    group, _, name = key.partition(".")
    assert getattr(getattr(Settings(), group), name) == default
    settings = load_settings(home, None, {}, {variable: "12345"}).settings
    assert getattr(getattr(settings, group), name) == 12345
    broken = load_settings(home, None, {}, {variable: "a lot"})
    assert broken.settings == Settings()
    assert [(p.file, p.line) for p in broken.problems] == [(variable, 0)]
    assert environment_names()[variable] == key


def test_models_come_from_the_environment(home: Paths) -> None:
    loaded = load(home, '[model]\nname = "a/b"\n', None, RLM_TUI_MODEL="c/d", RLM_TUI_SUB_MODEL="e/f")
    assert (loaded.settings.model.name, loaded.settings.model.sub) == ("c/d", "e/f")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[model]\n\nnme = "x"\n', 3, ["`model.nme`", "`name`"]),
        ("[wndow]\n", 1, ["`wndow`", "`window`"]),
        ("[budget]\ndepth = -1\n", 2, ["whole number", "at least 0", "-1"]),
        ('[budget]\ncalls = "many"\n', 2, ["unlimited", "'many'"]),
        ("[budget]\nconcurrency = 1000\n", 2, ["from 1 to 256"]),
        ("[budget]\ncalls = true\n", 2, ["whole number", "true"]),
        ('[ui]\nlayout = "wide"\n', 2, ['"columns"', "'wide'"]),
        ("ui = 3\n", 1, ["[ui]"]),
        ('[context]\nmax_file = "big"\n', 2, ["size", "MB"]),
        ('[permissions]\nallow = "edit"\n', 2, ["list of texts"]),
        ("[permissions]\ndeny = [\n  'x',\n  3,\n]\n", 2, ["holds 3"]),
        ('[endpoints.here]\napi_base = "x"\nkey = "y"\n', 3, ["`endpoints.here.key`"]),
        ("[keys]\n'app.quit' = 3\n", 2, ["text in quotes"]),
        ("[model]\nname = = 3\n", 2, ["not valid TOML"]),
        ("[window]\nmax_tokens = 2000\n", 0, ["leaves nothing", "eighth"]),
    ],
)
def test_what_cannot_be_used_names_its_line_and_the_rest_counts(
    home: Paths, text: str, line: int, words: list[str]
) -> None:
    loaded = load(home, text + '\n[agents.own]\nprompt = "still here"\n')
    assert loaded.settings.agents["own"].prompt == "still here"
    assert len(loaded.problems) == 1, problems(loaded)
    assert loaded.problems[0].line == line
    assert all(word in loaded.problems[0].message for word in words), loaded.problems[0].message


def test_a_broken_header_takes_its_table_along(home: Paths) -> None:
    loaded = load(home, '[budget]\ncalls = 5\n[capture\nmin_chars = 1\n[ui]\ntheme = "nord"\n')
    assert (loaded.settings.budget.calls, loaded.settings.ui.theme) == (5, "nord")
    assert loaded.settings.capture == Settings().capture
    assert [line for line, _ in problems(loaded)] == [3]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'a = "', b"[[[", b"a = [1,\n", b"\n" * 50 + b"]" * 50])
def test_no_file_keeps_the_program_from_starting(home: Paths, content: bytes) -> None:
    home.make(home.config_dir)
    home.config_file.write_bytes(content)
    loaded = load_settings(home, None, {}, {})
    assert loaded.settings == Settings()
    assert loaded.problems


def test_a_config_file_that_is_a_folder_is_a_problem(home: Paths) -> None:
    home.config_file.mkdir(parents=True)
    assert len(load_settings(home, None, {}, {}).problems) == 1


def test_unlimited_and_rules_of_all_layers(home: Paths) -> None:
    home.make(home.config_dir)
    home.config_file.write_text('[budget]\ncalls = "unlimited"\n[permissions]\ndeny = ["a", "b"]\n')
    loaded = load_settings(home, None, {"permissions.deny": ("c",), "budget.depth": "unlimited"}, {})
    assert loaded.settings.permissions.deny == ("a", "b", "c")
    assert (loaded.settings.budget.calls, loaded.settings.budget.depth) == (None, None)
    assert loaded.origin["permissions.deny"] == f"{home.config_file}:4, flag"


def test_a_project_counts_only_as_it_was_when_it_was_trusted(home: Paths, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / ".rlm-tui").mkdir(parents=True)
    file = project / "rlm-tui.toml"
    file.write_text('[model]\nname = "evil/model"\n[mcp.x]\ncommand = ["rm"]\n')

    def model() -> str:
        return load_settings(home, project, {}, {}).settings.model.name

    untrusted = load_settings(home, project, {}, {})
    assert untrusted.settings == Settings()
    assert untrusted.untrusted == ("rlm-tui.toml",)
    assert "config trust" in untrusted.problems[0].message
    trust(home, project, project_files(project))
    assert model() == "evil/model"
    (project / ".rlm-tui" / "command.md").write_text("new")
    assert model() == ""
    trust(home, project, project_files(project))
    assert model() == "evil/model"
    file.write_text(file.read_text().replace('"rm"', '"cp"'))
    assert model() == ""
    trust(home, project, project_files(project))
    distrust(home, project)
    assert model() == ""
    home.trust_file.write_text("{ not json")
    assert model() == ""


def test_data_is_private(home: Paths) -> None:
    made = home.make(home.sessions)
    assert made.stat().st_mode & 0o777 == 0o700
    assert home.home.stat().st_mode & 0o777 == 0o700


def test_places_without_variables_are_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere/data")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere/config")
    paths = Paths.from_environ({})
    assert paths.home.name == "rlm-tui"
    assert paths.config_dir.name == "rlm-tui"
    assert paths.home != paths.config_dir


def test_the_printed_defaults_are_the_defaults(home: Paths) -> None:
    loaded = load(home, defaults_text())
    assert loaded.settings == Settings()
    assert loaded.problems == []
    assert len(loaded.origin) > 25
    commented = load(home, starting_text())
    assert commented.settings == Settings()
    assert (commented.problems, commented.origin) == ([], {})


def test_the_manual_agrees_with_the_program() -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert reference_text() in page


def test_a_choice_is_remembered_and_comments_stay(home: Paths) -> None:
    remember(home, "model.name", "a/b")
    assert load_settings(home, None, {}, {}).settings.model.name == "a/b"
    home.config_file.write_text('# mine\n[model]  # which\nname = "old" # why\n\n[ui]\nmouse = false\n')
    home.config_file.chmod(0o640)
    remember(home, "model.name", "new/one")
    remember(home, "ui.theme", "nord")
    text = home.config_file.read_text()
    assert text == '# mine\n[model]  # which\nname = "new/one" # why\n\n[ui]\nmouse = false\ntheme = "nord"\n'
    assert home.config_file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in home.config_dir.iterdir()] == ["config.toml"]


@pytest.mark.parametrize("content", ["[model\n", "model = 3\n"])
def test_a_file_that_is_not_understood_is_never_overwritten(home: Paths, content: str) -> None:
    home.make(home.config_dir)
    home.config_file.write_text(content)
    with pytest.raises(ConfigError, match=r"config\.toml"):
        remember(home, "model.name", "x/y")
    assert home.config_file.read_text() == content


@pytest.mark.parametrize(
    ("text", "size"), [("4096", 4096), ("10MB", 10_000_000), ("512 KiB", 524_288), ("1.5g", 1_500_000_000)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


_names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)
_values = st.one_of(
    st.integers(-99, 99),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12),
    st.lists(st.text("a[]#\"'\n", max_size=6), max_size=3),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 9), max_size=2),
)


@given(st.dictionaries(_names, st.dictionaries(_names, _values, max_size=4), max_size=4))
def test_key_lines_finds_every_key_where_it_stands(data: dict[str, dict[str, object]]) -> None:
    text = tomlkit.dumps(data)
    lines = key_lines(text)
    rows = text.split("\n")
    for table, keys in data.items():
        for key in keys:
            row = rows[lines[(table, key)] - 1]
            assert tomlkit.key(key).as_string() in row
            assert "=" in row or row.startswith("[")


def test_key_lines_steps_over_values() -> None:
    text = (
        "a.b = 1\n[t]\nx = '''\ny = 2\n[no]\n'''\nz = [ # ]\n  \"[\",\n]\n"
        'u = { v = 1 }\n[[l]]\nw = """\\""""\nq = 1\n'
    )
    lines = key_lines(text)
    assert {".".join(key): line for key, line in lines.items()} == {
        "a": 1, "a.b": 1, "t": 2, "t.x": 3, "t.z": 7, "t.u": 10, "l": 11, "l.w": 12, "l.q": 13,
    }  # fmt: skip
