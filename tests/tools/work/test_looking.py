"""Looking at files: what is shown is what is on the disk, and what is not to be seen is not seen."""

from pathlib import Path

from tests.support.work import Bench


def test_read_numbers_lines_and_pages(bench: Bench) -> None:
    whole = bench.use("read", path="src/a.py")
    assert whole.text.splitlines()[1] == "     2\t    return 1"
    part = bench.use("read", path="src/a.py", offset=5, limit=1)
    assert part.text == "     5\tdef two():\n(lines 5-5 of 6; go on with offset=6)"
    assert "beyond its end" in bench.use("read", path="src/a.py", offset=99).text
    assert bench.permits.asked == []


def test_read_refuses_binary_secret_and_missing_with_a_way_on(bench: Bench, project: Path) -> None:
    assert "a PNG image" in bench.use("read", path="pic.png").text
    for name in (".env", "src/../.env", str(project / ".env")):
        result = bench.use("read", path=name)
        assert not result.ok
        assert "hunter2" not in result.text
    (project / "innocent.txt").symlink_to(".env")
    assert "hunter2" not in bench.use("read", path="innocent.txt").text
    assert "Did you mean a.py" in bench.use("read", path="src/aa.py").text
    assert "use list" in bench.use("read", path="src").text


def test_outside_the_project_is_asked_for_also_through_a_link(project: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("not ours")
    (project / "way").symlink_to(tmp_path)
    bench = Bench(project, tmp_path / "home", allow=False)
    for name in ("../outside.txt", str(tmp_path / "outside.txt"), "way/outside.txt"):
        assert "not allowed" in bench.use("read", path=name).text
    assert [action.paths for action in bench.permits.asked] == [(tmp_path / "outside.txt",)] * 3
    for tool in ("grep", "glob"):
        assert "not allowed" in bench.use(tool, pattern="x", path="..").text
    assert "not allowed" in bench.use("list", path="way").text


def test_grep_and_glob_keep_to_the_ignore_rules_and_the_disk(bench: Bench, project: Path) -> None:
    found = bench.use("grep", pattern="def (one|KEY)|hunter2")
    assert found.text == "1 lines in 1 files match:\nsrc/a.py:1: def one():"
    (project / "src" / "new.py").write_text("def one(): 'fresh'\n")
    assert "src/new.py:1:" in bench.use("grep", pattern="fresh").text
    assert "src/a.py:5: def two():" in bench.use("grep", pattern="two", path="src", include="*.{py,ts}").text
    assert "src/a.py:5:" in bench.use("grep", pattern="two", path="src/a.py").text
    assert set(bench.use("glob", pattern="**/*.py").text.split()) == {"src/a.py", "src/new.py"}
    assert bench.use("glob", pattern="*.py", path="src").text.split().count("src/a.py") == 1
    assert bench.use("glob", pattern="x.log").text == "No file fits x.log."


def test_grep_takes_hostile_patterns_and_names(bench: Bench, project: Path) -> None:
    (project / "a\nb.txt").write_text("needle\n")
    (project / "many.txt").write_text("a" * 5_000 + "!\n")
    assert "needle" in bench.use("grep", pattern="needle").text
    assert bench.use("grep", pattern="(a+)+$").ok
    assert not bench.use("grep", pattern="(").ok
    assert len(bench.use("grep", pattern="a+!").text) < 1_000


def test_list_shows_directories_files_and_links(bench: Bench, project: Path) -> None:
    (project / "link").symlink_to("src")
    text = bench.use("list").text
    assert "src/" in text.splitlines()
    assert "link -> src" in text
    assert "use read" in bench.use("list", path="src/a.py").text
