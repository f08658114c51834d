"""What must stay out: heavy imports, upward arrows, foreign markup, machine-specific names, unexplained exceptions."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import RunCommand

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "rlm_tui"
HEAVY = (
    "textual", "rich", "duckdb", "litellm", "openai", "numpy", "httpx", "pydantic", "pygments", "tomlkit", "mcp",
    "mcp_types", "httpx2", "anyio", "keyring",
)  # fmt: skip


def loaded_by(code: str, env_home: Path) -> set[str]:
    """Return which heavy packages a fresh interpreter has after running `code`."""
    script = (
        f"import sys\ntry:\n    exec({code!r})\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write('LOADED ' + ' '.join({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "RLM_TUI_HOME": str(env_home), "RLM_TUI_CONFIG": str(env_home)},
    )
    return set(done.stderr.rpartition("LOADED ")[2].split()) & set(HEAVY)


@pytest.mark.parametrize(
    "code",
    [
        "import rlm_tui",
        "from rlm_tui.cli import main; main(['--version'])",
        "from rlm_tui.cli import main; main(['--help'])",
        "from rlm_tui.cli import main; main(['run', '--help'])",
        "from rlm_tui.cli import main; main(['context', 'find', '--help'])",
        "from rlm_tui.cli import main; main(['sessions', '--json'])",
        "from rlm_tui.cli import main; main(['status', '--json'])",
        "from rlm_tui.config.settings import load_settings; from rlm_tui.config.paths import Paths; "
        "load_settings(Paths.from_environ())",
        "import rlm_tui.config.themes, rlm_tui.events, rlm_tui.models.port, rlm_tui.tools.port",
    ],
)
def test_light_things_import_nothing_heavy(code: str, tmp_path: Path) -> None:
    assert loaded_by(code, tmp_path) == set()


def test_the_engine_runs_without_a_screen_and_without_litellm(tmp_path: Path) -> None:
    loaded = loaded_by("import rlm_tui.loop.assistant, rlm_tui.loop.engine, rlm_tui.headless", tmp_path)
    assert not loaded & {"textual", "litellm", "openai", "pydantic", "httpx", "mcp", "httpx2", "keyring"}


def test_nothing_is_created_by_asking_for_help(rlm_tui: RunCommand, tmp_path: Path) -> None:
    for words in (["--help"], ["--version"], ["status"], ["themes"], ["config", "show"], ["sessions"]):
        assert rlm_tui(*words).code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cwd"]


def test_arrows_run_down_only() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def tracked_files() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], capture_output=True, cwd=ROOT, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name]


def lines_of(pattern: str, paths: list[Path]) -> Iterator[str]:
    wanted = re.compile(pattern)
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if wanted.search(line):
                yield f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"


def test_no_package_index_is_named() -> None:
    hosts = r"(?i)py" + r"pi\.org|python" + r"hosted\.org|--(extra-)?index-" + r"url[ =]\S|--find-" + r"links[ =]\S"
    assert list(lines_of(hosts, tracked_files())) == []


def test_an_ignored_type_error_has_a_reason_beside_it() -> None:
    sources = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    assert list(lines_of(r"#\s*type:\s*" + r"ignore(\[[\w, -]*\])?\s*$", sources)) == []


# --- foreign text is never markup --------------------------------------------------------------------------

_WIDGETS = {"Static", "Label", "Button", "OptionList", "SelectionList", "notify"}
_TITLES = {"border_title", "border_subtitle", "tooltip"}
_SAFE = {"Content", "Text", "from_text", "styled", "assemble"}


def markup_faults(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield places where a text that is not a constant could be read as Textual markup."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in _WIDGETS:
            always = _name(node.func) in {"OptionList", "SelectionList"}
            if not _markup_off(node) and (always or any(not _is_safe(argument) for argument in node.args)):
                yield node.lineno, f"{_name(node.func)} needs markup=False"
        elif isinstance(node, ast.ClassDef) and _WIDGETS & {_name(base) for base in node.bases}:
            for call in (n for n in ast.walk(node) if isinstance(n, ast.Call) and _is_super_init(n)):
                if not _markup_off(call) and any(not _is_safe(argument) for argument in call.args):
                    yield call.lineno, f"{node.name} needs markup=False"
        elif isinstance(node, ast.Assign) and not _is_safe(node.value):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and target.attr in _TITLES:
                    yield node.lineno, f"{target.attr} needs Content(...)"


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return node.attr
        case ast.Subscript():
            return _name(node.value)
        case _:
            return ""


def _is_super_init(call: ast.Call) -> bool:
    func = call.func
    return (
        isinstance(func, ast.Attribute)
        and func.attr == "__init__"
        and isinstance(func.value, ast.Call)
        and _name(func.value.func) == "super"
    )


def _markup_off(call: ast.Call) -> bool:
    return any(
        k.arg == "markup" and isinstance(k.value, ast.Constant) and k.value.value is False for k in call.keywords
    )


def _is_safe(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=str() as text):
            return "[" not in text
        case ast.Constant():
            return True
        case ast.Call():
            return _name(node.func) in _SAFE
        case _:
            return False


@pytest.mark.parametrize(
    ("code", "faults"),
    [
        ("Static(f'{name}')", 1),
        ("Static(name, markup=False)", 0),
        ("Static('plain', id='x')", 0),
        ("Static('[b]x')", 1),
        ("Static(Content(name))", 0),
        ("self.notify(str(error))", 1),
        ("self.notify(safe_text(str(error)), markup=False)", 0),
        ("OptionList()", 1),
        ("OptionList(markup=False)", 0),
        ("w.border_title = name", 1),
        ("w.border_title = Content(name)", 0),
        ("class A(Static):\n  def __init__(self, t):\n    super().__init__(t)", 1),
    ],
)
def test_the_lint_sees_markup(code: str, faults: int) -> None:
    assert len(list(markup_faults(ast.parse(code)))) == faults


def test_foreign_text_is_never_markup() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in sorted((PACKAGE / "tui").rglob("*.py"))
        for line, what in markup_faults(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []
