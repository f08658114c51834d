"""Patterns: what they require, whether they cross lines, which engine runs them, and what a refusal says."""

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_tui.context.pattern import CompiledPattern, compile_pattern
from rlm_tui.errors import PatternError


def literals(pattern: str, *, ignore_case: bool = False) -> list[list[str]]:
    required = compile_pattern(pattern, ignore_case=ignore_case).required
    return [sorted(literal.decode() for literal in clause) for clause in required]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("Needle", [["Needle"]]),
        ("(?i)Needle", [["needle"]]),
        (r"foo\d+bazaar", [["bazaar"], ["foo"]]),
        ("(?:foo|bar)box", [["barbox", "foobox"]]),
        ("TODO|FIXME|XXX+", [["FIXME", "TODO", "XXX"]]),
        ("TODO|x", []),
        ("abc?d", [["abcd", "abd"]]),
        ("(?:abc)+", [["abc"]]),
        ("(?:abc)*", []),
        ("(?:abc){2}", [["abcabc"]]),
        ("fo{2,}bar", [["oobar"], ["foo"]]),
        (r"ab.cd", []),
        (r"[ab]cd", [["acd", "bcd"]]),
        (r"\Qa.b\E", [["a.b"]]),
        ("(?i)sock", [["sock", "soc\u212a", "\u017foc\u212a", "\u017fock"]]),
        ("東京都", [["東京都"]]),
        (r"(?<=abc)def", [["def"]]),
    ],
)
def test_required_literals(pattern: str, expected: list[list[str]]) -> None:
    assert sorted(literals(pattern)) == sorted(sorted(clause) for clause in expected)


def test_letters_outside_ascii_are_not_required_when_case_is_ignored() -> None:
    assert literals("straße", ignore_case=True) == [["stra", "\u017ftra"]]


WORDS = st.sampled_from(["foo", "bar", "Qux", "é", "k", "S", "12", " "])
ATOMS = st.one_of(WORDS, st.sampled_from([r"\d", ".", "[abf]", r"\w", "$", r"\b", "[^o]"]))
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{2,}"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(pattern=PATTERNS, text=st.lists(WORDS, max_size=12).map("".join), ignore_case=st.booleans())
def test_every_match_holds_what_is_required(pattern: str, text: str, ignore_case: bool) -> None:
    compiled = compile_pattern(pattern, ignore_case=ignore_case)
    for start, end in compiled.finditer(text.encode(), 0, len(text.encode())):
        matched = text.encode()[start:end]
        if start == end:
            continue
        seen = bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in matched) if ignore_case else matched
        assert all(any(literal in seen for literal in clause) for clause in compiled.required)
        assert compiled.max_bytes is None or len(matched) <= compiled.max_bytes
        assert compiled.may_cross_lines or b"\n" not in matched


@pytest.mark.parametrize(
    ("pattern", "crosses"),
    [
        ("abc", False),
        ("a.c", False),
        ("(?s)a.c", True),
        (r"a\s", True),
        (r"a\S", False),
        (r"[^x]", True),
        (r"[^x\n]", False),
        (r"\W", True),
        (r"\PL", True),
        (r"\p{Lu}", False),
        (r"[[:space:]]", True),
        (r"a\nb", True),
        ("^a$", False),
        (r"\Aa", True),
        (r"a\z", True),
        (r"(?-m:^a)", True),
        (r"(?=a)a", True),
    ],
)
def test_which_patterns_may_cross_lines(pattern: str, crosses: bool) -> None:
    assert compile_pattern(pattern).may_cross_lines == crosses


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", "a(?=b)", "a(?!b)", "(?<=a)b", "(?<!a)b", "(?>a+)b", "a++b", "a{2000}", r"\pL{900}"]
)
def test_what_re2_does_not_take_runs_on_the_other_engine(pattern: str) -> None:
    assert compile_pattern(pattern).engine == "regex"


def spans(compiled: CompiledPattern, text: str) -> list[tuple[int, int]]:
    data = text.encode()
    return [span for span in compiled.finditer(data, 0, len(data)) if span[1] > span[0]]


def test_lines_have_ends_and_case_can_be_ignored() -> None:
    assert spans(compile_pattern("^b$"), "a\nb\nc") == [(2, 3)]
    assert spans(compile_pattern("STRASSE", ignore_case=True), "straße strasse") == [(8, 15)]
    assert spans(compile_pattern("k", literal=True, ignore_case=True), "\u212ak") == [(0, 3), (3, 4)]
    assert spans(compile_pattern("a.b", literal=True), "axb a.b") == [(4, 7)]
    assert spans(compile_pattern(r"(?i)É(?=x)"), "ééx") == [(2, 4)]


@pytest.mark.parametrize(
    ("pattern", "place", "word"),
    [
        ("a(b", "position 1", "missing )"),
        ("a)b", "position 1", "unexpected )"),
        ("[a", "position 0", "missing ]"),
        ("*a", "position 0", "repetition"),
        ("a**", "position 2", "repeat"),
        (r"(?<!a+b", "position 7", "missing )"),
        ("[z-a]", "position 1", "range"),
    ],
)
def test_refusals_name_place_and_reason_and_a_way_out(pattern: str, place: str, word: str) -> None:
    with pytest.raises(PatternError) as refused:
        compile_pattern(pattern)
    message = str(refused.value)
    assert place in message
    assert word in message
    assert "rlm_find" in message


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "x" * 30_000,
        "\ud800",
        r"a\Cb",
        "(?:a{1000}){1000}",
        "(?:(?:a{1000}){1000}){1000}",
    ],
)
def test_patterns_that_cannot_be_run_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_pattern(pattern)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab\\()[]{}|*+?^$.:<=!PQEpLzAC,-01 \né", max_size=14), st.booleans())
def test_any_text_compiles_or_is_refused(pattern: str, ignore_case: bool) -> None:
    try:
        compiled = compile_pattern(pattern, ignore_case=ignore_case)
    except PatternError:
        return
    if compiled.engine == "re2":
        text = "ab(a)b\\ab\n-01 é".encode()
        options = re2.Options()
        options.case_sensitive = not ignore_case
        whole = re2.compile(b"(?m)" + pattern.encode(), options).finditer(text)
        assert list(compiled.finditer(text, 0, len(text))) == [match.span() for match in whole]
