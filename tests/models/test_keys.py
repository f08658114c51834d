"""Keys that are entered once: into the keyring and nowhere else, found again, masked, forgotten; and where none is."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null

from rlm_tui.errors import ConfigError, ModelError
from rlm_tui.models.catalog import look_around
from rlm_tui.models.keys import KeyedEnviron, KeyStore, no_keyring
from rlm_tui.models.providers import key_variable
from rlm_tui.models.target import resolve
from rlm_tui.redact import redact
from tests.support.rings import FileRing, LockedRing, OddRing

KEY = "entered-once-0123456789"
UseRing = Callable[[Any], None]


@pytest.fixture
def use_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[UseRing]:
    monkeypatch.setenv("TEST_RING", str(tmp_path / "ring.json"))
    before = keyring.get_keyring()
    yield lambda kind: keyring.set_keyring(kind())  # the library's classes are not typed
    keyring.set_keyring(before)


def test_a_stored_key_is_found_by_another_program_and_forgotten(use_ring: UseRing, tmp_path: Path) -> None:
    use_ring(FileRing)
    assert no_keyring() == ""
    KeyStore(tmp_path).put("MISTRAL_API_KEY", f" {KEY}\n")
    later = KeyedEnviron(KeyStore(tmp_path), {"PATH": "/bin"})
    assert resolve("mistral/x", {}, "", later).api_key == KEY
    assert dict(later) == {"PATH": "/bin"}  # what goes to children is the environment alone
    assert KEY not in (tmp_path / "stored-keys.json").read_text()
    assert later.store.forget("MISTRAL_API_KEY")
    assert not later.store.forget("MISTRAL_API_KEY")
    with pytest.raises(ModelError, match="--set-key mistral"):
        resolve("mistral/x", {}, "", later)


def test_the_environment_comes_first(use_ring: UseRing, tmp_path: Path) -> None:
    use_ring(FileRing)
    store = KeyStore(tmp_path)
    store.put("MISTRAL_API_KEY", KEY)
    assert KeyedEnviron(store, {"MISTRAL_API_KEY": "other"})["MISTRAL_API_KEY"] == "other"
    assert KeyedEnviron(store, {"MISTRAL_API_KEY": " "})["MISTRAL_API_KEY"] == KEY


def test_a_stored_key_is_masked_everywhere(use_ring: UseRing, tmp_path: Path) -> None:
    use_ring(FileRing)
    KeyStore(tmp_path).put("WORK_KEY", KEY)
    assert redact(f"refused: {KEY}", {}) == "refused: [redacted]"


async def test_an_offer_says_that_its_key_is_in_the_keyring_and_asks_for_none(
    use_ring: UseRing, tmp_path: Path
) -> None:
    use_ring(FileRing)
    KeyStore(tmp_path).put("MISTRAL_API_KEY", KEY)
    use_ring(LockedRing)
    found = await look_around(KeyedEnviron(KeyStore(tmp_path), {"GROQ_API_KEY": "k"}), servers=())
    assert [(offer.provider, offer.why) for offer in found.offers[:-1]] == [
        ("Mistral", "its key is in the keyring"),
        ("Groq", "GROQ_API_KEY is set"),
    ]
    (missing,) = [one for one in found.missing if one.provider == "xAI"]
    assert (missing.variable, missing.reason) == ("XAI_API_KEY", "XAI_API_KEY is not set")


@pytest.mark.parametrize(
    ("ring", "why"),
    [(fail.Keyring, "There is no system keyring here"), (null.Keyring, "There is no system keyring here"),
     (LockedRing, "the collection is locked"), (OddRing, "org.freedesktop.DBus.Error")],
)  # fmt: skip
def test_a_keyring_that_refuses_is_told_with_what_to_do(
    use_ring: UseRing, tmp_path: Path, ring: type[KeyringBackend], why: str
) -> None:
    use_ring(ring)
    with pytest.raises(ConfigError, match=why) as caught:
        KeyStore(tmp_path).put("XAI_API_KEY", KEY)
    assert "export XAI_API_KEY=..." in str(caught.value)
    assert KEY not in str(caught.value)
    assert KeyStore(tmp_path).names() == ()


def test_a_key_that_cannot_be_had_again_is_told_with_the_model(use_ring: UseRing, tmp_path: Path) -> None:
    use_ring(FileRing)
    KeyStore(tmp_path).put("XAI_API_KEY", KEY)
    use_ring(LockedRing)
    with pytest.raises(ModelError, match="the collection is locked"):
        resolve("xai/grok", {}, "", KeyedEnviron(KeyStore(tmp_path), {}))


@pytest.mark.parametrize("key", ["", "  ", "two words"])
def test_what_is_no_key_is_not_stored(use_ring: UseRing, tmp_path: Path, key: str) -> None:
    use_ring(FileRing)
    with pytest.raises(ConfigError, match="nothing was stored"):
        KeyStore(tmp_path).put("XAI_API_KEY", key)


def test_names_of_keys() -> None:
    assert [key_variable(name) for name in ("anthropic", "Google Gemini", "GOOGLE_API_KEY", "WORK_KEY")] == [
        "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "WORK_KEY",
    ]  # fmt: skip
    with pytest.raises(ModelError, match="did you mean anthropic"):
        key_variable("antropic")


def test_the_command_keeps_a_key_from_stdin_and_lists_it(tmp_path: Path) -> None:
    environ = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), "TEST_RING": str(tmp_path / "ring"),
        "PYTHON_KEYRING_BACKEND": "tests.support.rings.FileRing", "RLM_TUI_HOME": str(tmp_path / "home"),
        "RLM_TUI_CONFIG": str(tmp_path / "config"),
    }  # fmt: skip

    def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rlm_tui", "models", *words]
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, env=environ, cwd=tmp_path, timeout=60, check=False
        )

    stored = run("--set-key", "mistral", stdin=f"{KEY}\n")
    assert (stored.returncode, stored.stdout) == (0, "")
    assert "MISTRAL_API_KEY is in the system's keyring" in stored.stderr
    listed = run("medium", "--json")
    assert '"model": "mistral/mistral-medium-latest"' in listed.stdout
    assert '"why": "its key is in the keyring"' in listed.stdout
    assert KEY not in listed.stdout + listed.stderr + stored.stderr
    assert "is deleted" in run("--forget-key", "mistral").stderr
    assert "mistral/" not in run().stdout
