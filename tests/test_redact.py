"""Secrets are masked, and ordinary words are not."""

import pytest

from rlm_tui.redact import MASK, is_key_name, quick_check, redact, secrets_in

ENVIRON = {
    "OPENAI_API_KEY": "a-key-of-no-format-1",
    "GH_TOKEN": "short",
    "RLM_TOKEN_RESERVE": "16000000",
    "LM_API_KEY": "lm-studio",
    "GOOGLE_APPLICATION_CREDENTIALS": "/home/me/credentials1.json",
    "HOME": "/home/me/a-long-home-directory-1",
}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("key a-key-of-no-format-1!", f"key {MASK}!"),
        ("bad key sk-proj-abcdefgh12345678 given", f"bad key {MASK} given"),
        ("provided: sk-abc1***************wxyz.", f"provided: {MASK}."),
        ("sk-ant-api03-abc_DEF-1234567890", MASK),
        ("AIzaSyA1234567890abcdefghijklmnopqrstuv", MASK),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", MASK),
        ("AKIAIOSFODNN7EXAMPLE", MASK),
        ("Authorization: Bearer abc.def-123", f"Authorization: Bearer {MASK}"),
        ("'x-api-key': 'abcdefgh1'", f"'x-api-key': '{MASK}'"),
        ("postgres://me:hunter22@db/x", f"postgres://me:{MASK}@db/x"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nrest", f"{MASK}\nrest"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\ncut off", MASK),
    ],
)
def test_secrets_are_masked(text: str, left: str) -> None:
    assert redact(text, ENVIRON) == left
    assert redact(left, ENVIRON) == left
    found = secrets_in(text, {"a-key-of-no-format-1": "OPENAI_API_KEY"})
    masked = "".join([text[: found[0].start], MASK, text[found[0].end :]])
    assert (len(found), masked) == (1, left)
    assert quick_check()(text.encode()) or found[0].what == "value of OPENAI_API_KEY"


@pytest.mark.parametrize(
    "text",
    [
        "the short word, lm-studio at 16000000",
        "/home/me/credentials1.json in /home/me/a-long-home-directory-1",
        "sk-learn-style-names and task-12345678901234",
        "http://localhost:8080/a@b and api_key = settings.api_key",
        "asianinfrastructurebank, bearer of news, Authorization: none",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text, ENVIRON) == text


def test_names_of_keys() -> None:
    assert all(map(is_key_name, ["OPENAI_API_KEY", "GH_TOKEN", "x-api-key", "db_password", "CLIENT_SECRET"]))
    assert not any(map(is_key_name, ["KEYBOARD", "MONKEY_BARS", "TOKENS", "PATH"]))
