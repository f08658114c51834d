"""Decisions: what runs unasked, what asks, what never runs."""

from pathlib import Path

import pytest

from rlm_tui.config.schema import PermissionSettings
from rlm_tui.errors import ConfigError
from rlm_tui.permissions.policy import Containment, Deed, Policy, make_policy
from rlm_tui.permissions.rules import parse_rule


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("x = 1\n")
    (tmp_path / "link").symlink_to("/etc")
    return tmp_path


def policy(project: Path, *, containment: Containment = Containment.SANDBOXED, **lists: list[str] | str) -> Policy:
    settings = PermissionSettings(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in lists.items()}  # type: ignore[arg-type]  # by name
    )
    made, problems = make_policy(settings, project, containment=containment)
    assert problems == []
    return made


def of(made: Policy, command: str) -> str:
    return made.decide(Deed("bash", command)).verdict


def edit(made: Policy, name: str, tool: str = "edit") -> str:
    return made.decide(Deed(tool, name, ((made.project / name).resolve(),), writes=True)).verdict


@pytest.mark.parametrize(
    "command",
    [
        "ls", "ls -la src", "cat src/a.py | wc -l", "rg -n 'x = ' src", "find . -name '*.py' -type f", "git status",
        "git --no-pager log --oneline -5", "git diff main..HEAD -- src", "head -n 3 src/a.py && echo done",
        "grep -rn x . 2>/dev/null", "sort < src/a.py | uniq -c", "for f in a b; do ls; done", "[ -f src/a.py ] && pwd",
        "ls src/*.py", "sed -n '1,5p' src/a.py", "git stash list", "cd src && cat a.py && ls .",
        "echo '$(rm -rf /)'", "command -v python3",
    ],
)  # fmt: skip
def test_looking_at_the_project_runs_unasked(project: Path, command: str) -> None:
    assert of(policy(project), command) == "allow"


@pytest.mark.parametrize(
    "command",
    [
        "", "   ", "rm x", "cat /etc/passwd", "cat ~/.ssh/id_rsa", "cat .env", "cat link/passwd", "cat src/../../x",
        "grep -f/etc/passwd x", "grep --file=/etc/passwd x", "ls -I../x", "cat $HOME/x", "cat \"$F\"", "ls $(id)",
        "ls `id`", "cat <(id)", "echo hi > out.txt", "cat < /etc/passwd", "ls &", "A=1 ls", "$X", "l? x",
        "'git status'", "/tmp/evil/rg x", "./ls", "rg --pre ./x y", "rg --pr=./x y", "rg -nz x", "find . -exec id {} +",
        "find . -delete", "sort -o x y", "sort --outp=x y", "sort --compress-prog=./x y", "sed -i s/a/b/ src/a.py",
        "sed -n '1w x' y", "sed -n 1p a -i", "uniq a b", "git -c core.pager=x log", "git commit -m x",
        "git branch new", "git tag v1",
        "git diff --ext-diff", "git log --output=x", "git grep -Ox y", "git diff --no-index a b", "git stash",
        "git remote add x y", "date -s 12:00", "tree -o x", "rg *", "find *", "diff -l a b", "xargs ls", "env",
        "printenv", "python script.py", "ls\rrm x", "ls \u0085", "f() { ls; }; f", "export A=1", "ls | tee x",
        "command ls", "echo ~root/*", "ls 'unclosed", "ls ;; pwd", "ls > >(cat)", "cat <<< x", "cat << E\nx\nE",
        "printf -v x y", "ls ..",
        "cd / && ls", "cd link && cat passwd", "cd src && cat ../x/../../y", "cd - && ls", "cd && ls", "cd $X && ls",
        "echo ${x@P}", "git log --format=%x ../..", "echo /root/*",
    ],
)  # fmt: skip
def test_anything_more_asks(project: Path, command: str) -> None:
    assert of(policy(project), command) == "ask"


def test_deny_beats_ask_beats_allow(project: Path) -> None:
    made = policy(project, allow=["bash(git *)"], ask=["bash(git push *)"], deny=["bash(git push --force *)"])
    assert of(made, "git commit -m x") == "allow"
    assert of(made, "git push") == "ask"
    assert of(made, "git push --force") == "deny"
    assert of(made, "git commit -m x && git push --force origin") == "deny"


@pytest.mark.parametrize(
    "command",
    ["npm publish", "echo $(npm publish)", "(npm publish)", "env A=1 npm publish", "sudo npm publish",
     "x | npm publish", "bash -c 'npm publish'", "/usr/bin/npm publish", "timeout 5 npm publish", "eval npm publish",
     "\\npm publish",
     "if true; then npm publish; fi", "cat <(npm publish)", "f() { npm publish; }", "nohup npm publish &",
     "bash -lc 'sh -c \"npm publish\"'", "trap 'npm publish' EXIT", "'npm' \"publish\"", "np\\m publish"],
)  # fmt: skip
def test_a_denied_command_is_found_wherever_it_hides(project: Path, command: str) -> None:
    made = policy(project, allow=["bash"], deny=["bash(npm publish *)"])
    assert of(made, command) == "deny"


def test_a_script_is_allowed_only_when_each_command_is(project: Path) -> None:
    made = policy(project, allow=["bash(npm test *)", "bash(make)"])
    assert of(made, "npm test") == "allow"
    assert of(made, "npm test -- --watch=no && make | head") == "allow"
    assert of(made, "npm tests") == "ask"
    assert of(made, "make install") == "ask"
    assert of(made, "npm test; rm x") == "ask"
    assert of(made, "npm test $(id)") == "ask"
    assert of(made, "npm test > src/log.txt") == "ask", "writing a file is an edit and needs its own permission"
    assert of(policy(project, allow=["bash(npm test *)", "edit(src/**)"]), "npm test > src/log.txt") == "allow"
    assert of(made, "npm test > /tmp/x") == "ask"


def test_an_exact_rule_allows_even_a_script_in_doubt(project: Path) -> None:
    script = 'for f in *.py; do python "$f"; done'
    asked = policy(project).decide(Deed("bash", script))
    assert asked.verdict == "ask"
    assert of(policy(project, allow=[asked.suggestion]), script) == "allow"
    assert of(policy(project, allow=[asked.suggestion]), script + " ; id") == "ask"


def test_suggestions_allow_what_they_were_suggested_for(project: Path) -> None:
    for command in ("npm run build", "pytest -q tests", "uv add x", "cargo test", "touch a*b", "python x.py"):
        asked = policy(project).decide(Deed("bash", command))
        assert asked.verdict == "ask"
        assert of(policy(project, allow=[asked.suggestion]), command) == "allow", asked.suggestion
    assert policy(project).decide(Deed("bash", "npm run build")).suggestion == "bash(npm run *)"
    assert "python *" not in policy(project).decide(Deed("bash", "python x.py")).suggestion


def test_regrettable_commands_ask_even_under_a_broad_rule_and_in_auto(project: Path) -> None:
    for made in (policy(project, allow=["bash"]), policy(project, approval="auto")):
        for command in ("rm -rf build", "git reset --hard", "git push -f", "curl x | sh", "sudo ls", "git clean -fd"):
            asked = made.decide(Deed("bash", command))
            assert asked.verdict == "ask", command
            assert asked.warning
        assert of(made, "touch x") == "allow"


def test_approval_modes(project: Path) -> None:
    assert edit(policy(project), "src/a.py") == "ask"
    assert edit(policy(project, approval="edit"), "src/a.py", "write") == "allow"
    assert edit(policy(project, approval="auto"), "src/a.py", "apply_patch") == "allow"
    plan = policy(project, approval="plan", allow=["edit", "bash"])
    assert edit(plan, "src/a.py") == "deny"
    assert of(plan, "touch x") == "deny"
    assert of(plan, "git status") == "allow"
    assert of(policy(project, approval="edit"), "touch x") == "ask"
    assert of(policy(project, approval="auto", containment=Containment.PARTIAL), "touch x") == "ask"
    assert edit(policy(project, approval="auto"), "../other.py") == "ask"


def test_protected_places_ask_whatever_allows_them(project: Path) -> None:
    made = policy(project, approval="auto", allow=["edit", "bash"])
    for name in (".git/hooks/pre-commit", ".bashrc", "rlm-tui.toml", ".rlm-tui/x", "sub/AGENTS.md", ".GIT/config",
                 ".vscode/tasks.json", ".git"):  # fmt: skip
        assert edit(made, name) == "ask", name
    assert of(made, "echo x > .git/hooks/pre-commit") == "ask"
    assert of(made, "echo x >> .envrc") == "ask"
    assert edit(made, "src/a.py") == "allow"


def test_without_a_sandbox_every_command_asks_unless_it_was_switched_off(project: Path) -> None:
    assert of(policy(project, containment=Containment.NONE, allow=["bash"]), "ls") == "ask"
    assert of(policy(project, containment=Containment.OFF, allow=["bash(make)"]), "make") == "allow"


def test_reading_follows_rules_for_paths(project: Path) -> None:
    made = policy(project, allow=["read(/etc/hosts)"], ask=["read(src/**)"], deny=["read(**/private/**)"])

    def read(path: str) -> str:
        return made.decide(Deed("read", path, (Path(path) if path[0] == "/" else made.project / path,))).verdict

    assert read("README.md") == "allow"
    assert read("src/a.py") == "ask"
    assert read("a/private/x") == "deny"
    assert read("/etc/hosts") == "allow"
    assert read("/etc/passwd") == "ask"
    assert of(made, "cat src/a.py") == "ask", "a command that reads it asks too"


def test_addresses_and_servers(project: Path) -> None:
    made = policy(project, allow=["web_fetch(https://docs.python.org/*)", "mcp:files_*"], deny=["mcp:files_delete"])
    assert made.decide(Deed("web_fetch", "https://docs.python.org/3/")).verdict == "allow"
    assert made.decide(Deed("web_fetch", "https://docs.python.org.evil.org/3/")).verdict == "ask"
    assert made.decide(Deed("mcp:files_read")).verdict == "allow"
    assert made.decide(Deed("mcp:other_x", "other_x", writes=True)).suggestion == "mcp:other_x"
    assert made.decide(Deed("mcp:files_delete")).verdict == "deny"
    assert made.decide(Deed("mcp:other_x")).verdict == "ask"


@pytest.mark.parametrize("text", ["", "bash(", "bash()", "ba sh", "(x)", "edit(x) y", "1x"])
def test_a_rule_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_rule(text)


def test_a_deny_rule_that_cannot_be_read_makes_everything_ask(project: Path) -> None:
    made, problems = make_policy(PermissionSettings(allow=("bash",), deny=("bash(",)), project)
    assert len(problems) == 1
    assert "permissions.deny" in problems[0]
    assert of(made, "ls") == "ask"
