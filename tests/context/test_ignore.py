"""Which files belong: the same answers from git, from ignore files alone, and from the built-in lists."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rlm_tui.context.entry import LeftOut
from rlm_tui.context.ignore import Candidate, IgnoreRules, list_directories, list_files
from rlm_tui.context.label import label_of, name_of
from rlm_tui.context.secret import holds_private_key, is_secret

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        put(root, name, text)


def put(root: Path, name: str, text: str = "text\n") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def git(root: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always", *arguments]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


def labels(root: Path, rules: IgnoreRules | None = None, only: tuple[str, ...] = ()) -> list[str]:
    found = list_files(root, rules or IgnoreRules(), only=only)
    return [item.label for item in found if isinstance(item, Candidate)]


def reasons(root: Path, rules: IgnoreRules | None = None) -> dict[str, str]:
    found = list_files(root, rules or IgnoreRules())
    return {item.path: item.reason for item in found if isinstance(item, LeftOut)}


@pytest.fixture(params=["git", "walk"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An empty project, once in a git work tree and once without git."""
    root = tmp_path / "project"
    root.mkdir()
    if request.param == "git":
        if shutil.which("git") is None:
            pytest.skip("git is not installed")
        git(root, "init", "-q")
    return root


def test_files_come_in_path_order(project: Path) -> None:
    for name in ("b.py", "a/z.py", "a-b/c.py", "a.py", "a/y/x.py"):
        put(project, name)
    assert labels(project) == ["a/y/x.py", "a/z.py", "a-b/c.py", "a.py", "b.py"]


def test_ignore_files_count_at_each_level_and_may_be_negated(project: Path) -> None:
    put(project, ".gitignore", "*.log\n/build/\n!keep.log\n\\\n")
    put(project, "pkg/.gitignore", "data.*\n!data.txt\n")
    for name in ("a.log", "keep.log", "build/out.c", "pkg/build/in.c", "pkg/data.bin", "pkg/data.txt", "data.bin"):
        put(project, name)
    assert labels(project) == [
        ".gitignore", "data.bin", "keep.log", "pkg/.gitignore", "pkg/build/in.c", "pkg/data.txt",
    ]  # fmt: skip
    found = reasons(project)
    assert found["build/"] == found["a.log"] == found["pkg/data.bin"] == "ignored"


def test_dot_ignore_and_own_patterns_leave_out_more(project: Path) -> None:
    put(project, ".ignore", "vendor/\n")
    for name in ("vendor/x.c", "src/x.c", "src/x.min.js"):
        put(project, name)
    rules = IgnoreRules(patterns=("*.min.js",))
    assert labels(project, rules) == [".ignore", "src/x.c"]
    assert reasons(project, rules)["src/x.min.js"] == "ignored"


def test_generated_trees_are_left_out_as_one(project: Path) -> None:
    put(project, "node_modules/a/b/c.js")
    put(project, "src/__pycache__/x.pyc")
    put(project, "env/pyvenv.cfg")
    put(project, "env/lib/x.py")
    put(project, "target/CACHEDIR.TAG")
    put(project, "target/debug/x.d")
    put(project, "src/main.py")
    assert labels(project) == ["src/main.py"]
    found = {path: reason for path, reason in reasons(project).items() if path != ".git/"}
    assert found == dict.fromkeys(("node_modules/", "src/__pycache__/", "env/", "target/"), "generated tree")


def test_an_ignored_generated_tree_says_that_it_is_generated(project: Path) -> None:
    put(project, ".gitignore", "node_modules\n")
    put(project, "node_modules/a.js")
    assert reasons(project)["node_modules/"] == "generated tree"


def test_version_control_is_never_listed(project: Path) -> None:
    put(project, ".hg/store")
    put(project, "a.py")
    assert labels(project) == ["a.py"]
    assert reasons(project)[".hg/"] == "version control"


def test_secrets_are_left_out_unless_asked_for(project: Path) -> None:
    for name in (".env", ".env.production", "deploy/id_ed25519", "x.key", ".env.example", "id_ed25519.pub"):
        put(project, name)
    assert labels(project) == [".env.example", "id_ed25519.pub"]
    assert {reason for path, reason in reasons(project).items() if path != ".git/"} == {"secret"}
    assert len(labels(project, IgnoreRules(secrets=True))) == 6


def test_links_are_never_followed(project: Path, tmp_path: Path) -> None:
    outside = put(tmp_path, "outside/secret.txt")
    put(project, "real/a.txt")
    (project / "in").symlink_to("real")
    (project / "file").symlink_to("real/a.txt")
    (project / "out").symlink_to(outside)
    (project / "outdir").symlink_to(outside.parent)
    (project / "broken").symlink_to("nowhere")
    assert labels(project) == ["real/a.txt"]
    found = reasons(project)
    assert found["out"] == found["outdir"] == "link to a place outside"
    assert found["in"] == "link to real"
    assert found["file"] == "link to real/a.txt"
    assert found["broken"] == "broken link"


def test_odd_names_are_listed_by_a_safe_label_that_leads_back(project: Path) -> None:
    raw = [b"caf\xe9.txt", b"line\nfeed.txt", b"esc\x1b[31m.txt", b"back\\slash.txt", "grün\x9b.txt".encode()]
    for name in raw:
        Path(os.fsdecode(os.fsencode(project) + b"/" + name)).write_text("x")
    found = labels(project)
    assert sorted(os.fsencode(name_of(label)) for label in found) == sorted(raw)
    assert all(label.isprintable() for label in found)
    assert "caf\\xe9.txt" in found
    assert "line\\x0afeed.txt" in found


def test_what_is_no_regular_file_is_left_out(project: Path) -> None:
    os.mkfifo(project / "pipe")
    put(project, "a")
    assert labels(project) == ["a"]
    if "pipe" in reasons(project):  # git does not list pipes at all
        assert reasons(project)["pipe"] == "not a regular file"


def test_only_keeps_to_names_and_what_lies_below(project: Path) -> None:
    put(project, ".gitignore", "*.log\n")
    for name in ("a/x.py", "a/y.log", "a/b/z.py", "ab/x.py", "c.py"):
        put(project, name)
    assert labels(project, only=("a", "c.py")) == ["a/b/z.py", "a/x.py", "c.py"]
    assert labels(project, only=("a/x.py", "a/y.log", "gone.py")) == ["a/x.py"]


def test_a_root_that_is_a_file_is_the_one_candidate(tmp_path: Path) -> None:
    assert labels(put(tmp_path, "one.md")) == ["one.md"]
    assert labels(tmp_path / "missing") == []


@needs_git
def test_tracked_files_that_are_ignored_belong(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    put(tmp_path, "a.log")
    git(tmp_path, "add", "a.log")
    put(tmp_path, ".gitignore", "*.log\n")
    put(tmp_path, "b.log")
    assert labels(tmp_path) == [".gitignore", "a.log"]


@needs_git
def test_a_subdirectory_of_a_work_tree_obeys_the_rules_above_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    put(tmp_path, ".gitignore", "*.log\n")
    put(tmp_path, "sub/a.log")
    put(tmp_path, "sub/a.py")
    assert labels(tmp_path / "sub") == ["a.py"]


@needs_git
def test_a_root_that_its_repository_ignores_is_read_all_the_same(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    put(tmp_path, ".gitignore", "*\n")
    put(tmp_path, "project/a.py")
    assert labels(tmp_path / "project") == ["a.py"]


@needs_git
def test_repositories_inside_are_read_by_their_own_rules(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    for place in (root, other, root / "nested"):
        place.mkdir()
        git(place, "init", "-q")
    put(other, "lib.c")
    put(other, ".gitignore", "*.o\n")
    git(other, "add", ".")
    git(other, "commit", "-qm", "x")
    git(root, "submodule", "add", "-q", str(other), "sub")
    put(root, "sub/new.o")
    put(root, "nested/inner.py")
    put(root, "nested/.gitignore", "*.tmp\n")
    put(root, "nested/x.tmp")
    found = labels(root)
    assert [name for name in found if name != ".gitmodules"] == [
        "nested/.gitignore", "nested/inner.py", "sub/.gitignore", "sub/lib.c",
    ]  # fmt: skip
    assert labels(root, only=("sub/lib.c",)) == ["sub/lib.c"]
    assert labels(root, only=("nested/inner.py",)) == ["nested/inner.py"]


@needs_git
def test_a_hostile_repository_runs_nothing(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    git(root, "init", "-q")
    script = put(tmp_path, "evil.sh", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    script.chmod(0o755)
    git(root, "config", "core.fsmonitor", str(script))
    put(root, "a.py")
    assert labels(root) == ["a.py"]
    assert not (tmp_path / "ran").exists()


def test_directories_leave_out_the_same_trees(project: Path) -> None:
    put(project, ".gitignore", "build/\n")
    for name in ("build/deep/x", "node_modules/y/z", "src/a/b.py"):
        put(project, name)
    (project / "empty").mkdir()
    left_out = [item for item in list_files(project, IgnoreRules()) if isinstance(item, LeftOut)]
    found = [os.path.relpath(path, project) for path in list_directories(project, left_out)]
    assert sorted(found) == [".", "empty", "src", "src/a"]


def test_a_pattern_with_many_stars_does_not_hang(tmp_path: Path) -> None:
    put(tmp_path, ".gitignore", "*a" * 40 + "b\n*.log\n")
    put(tmp_path, "a" * 200)
    put(tmp_path, "x.log")
    assert labels(tmp_path, IgnoreRules(use_git=False)) == [".gitignore", "a" * 200]


@pytest.mark.parametrize(
    "path",
    [
        ".env", "prod.env", "a/.env.local", ".netrc", "x/id_rsa", "server.key", "store.jks", ".aws/credentials",
        "home/.kube/config", ".ssh/config", "client_secret_1.json", "service-account.json", "main.tfvars",
    ],
)  # fmt: skip
def test_names_of_secrets(path: str) -> None:
    assert is_secret(path)


@pytest.mark.parametrize("path", [".env.example", "id_rsa.pub", "environment.py", "keys.py", "config", "secrets.py"])
def test_names_that_are_no_secrets(path: str) -> None:
    assert not is_secret(path)


def test_private_keys_are_known_by_their_armour() -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n"
    assert holds_private_key("notes.txt", "\n" + key)
    assert holds_private_key("chain.pem", "-----BEGIN CERTIFICATE-----\n...\n" + key)
    assert not holds_private_key("test_ssh.py", f'KEY = """{key}"""')
    assert not holds_private_key("ca.pem", "-----BEGIN CERTIFICATE-----\n")


@pytest.mark.parametrize("name", ["a.py", "a\\b", "\\x41", "a\nb", "\udcff\udcfe", "é\x85", "\x7f", "\\\\u0041"])
def test_labels_lead_back_to_names(name: str) -> None:
    assert name_of(label_of(name)) == name
    assert label_of(name).isprintable()
