"""Keys of providers that a person entered once: kept in the system's keyring, found by the variable's name.

The keyring is the desktop's own (Secret Service, KWallet, macOS Keychain, Windows Credential Locker), reached with
the `keyring` library, which is imported on first use. A file in the data home lists the names of the variables whose
keys are stored, never a key, so that a keyring is only asked for what it has. A variable that is set in the
environment always comes first.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from rlm_tui.config.writing import write_atomically
from rlm_tui.errors import ConfigError
from rlm_tui.redact import also_secret

SERVICE = "rlm-tui"
FILE_NAME = "stored-keys.json"

_PATIENCE_S = 60.0
"""A locked keyring asks the person for its password first."""

_LOOK_S = 15.0
_T = TypeVar("_T")


class KeyStore:
    """The stored keys of one data home. Every method may wait for the keyring: call it in a thread."""

    def __init__(self, home: Path) -> None:
        self._file = home / FILE_NAME
        self._known: dict[str, str] = {}
        self._lock = threading.Lock()
        self.problem = ""
        """Why a stored key could not be had, where that was tried."""

    def names(self) -> tuple[str, ...]:
        """Return the variables whose keys are stored; asks no keyring."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=tuple[str, ...])
        except (OSError, msgspec.DecodeError):
            return ()

    def get(self, variable: str) -> str:
        """Return a stored key, `""` where there is none or the keyring refuses (`problem` says why)."""
        with self._lock:
            if variable in self._known:
                return self._known[variable]
            if variable not in self.names():
                return ""
            try:
                key = _asked(lambda ring: ring.get_password(SERVICE, variable), _LOOK_S) or ""
                self.problem = "" if key else f"The keyring has no key called {variable} any more: enter it again."
            except ConfigError as error:
                key, self.problem = "", str(error)
            self._keep(variable, key)
            return key

    def put(self, variable: str, key: str) -> None:
        """Store a key. Raises `ConfigError` that says what to do instead where no keyring takes it."""
        key = key.strip()
        if not key or any(character.isspace() for character in key):
            raise ConfigError("A key is one word: nothing was stored.")
        instead = f"Put it into the environment instead: `export {variable}=...` where your shell starts."
        with self._lock:
            also_secret(key)

            def store(ring: Any) -> bool:
                ring.set_password(SERVICE, variable, key)
                return bool(ring.get_password(SERVICE, variable) == key)

            try:
                kept = _asked(store, _PATIENCE_S)
            except ConfigError as error:
                raise ConfigError(f"{error} {instead}") from None
            if not kept:
                raise ConfigError(f"The keyring did not keep the key. {instead}")
            self._list({*self.names(), variable})
            self._keep(variable, key)
            self.problem = ""

    def forget(self, variable: str) -> bool:
        """Delete a stored key; return whether there was one. Raises `ConfigError` where the keyring refuses."""
        with self._lock:
            self._known.pop(variable, None)
            if variable not in self.names():
                return False

            def delete(ring: Any) -> None:
                if ring.get_password(SERVICE, variable) is not None:
                    ring.delete_password(SERVICE, variable)

            _asked(delete, _PATIENCE_S)
            self._list({*self.names()} - {variable})
            return True

    def preload(self) -> None:
        """Fetch every stored key, so that later look-ups wait for nothing."""
        for variable in self.names():
            self.get(variable)

    def _keep(self, variable: str, key: str) -> None:
        if key:
            self._known[variable] = key
            also_secret(key)

    def _list(self, names: set[str]) -> None:
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._file, msgspec.json.encode(sorted(names)).decode() + "\n")
        except OSError as error:
            raise ConfigError(f"{self._file} cannot be written: {error.strerror}.") from None


class KeyedEnviron(Mapping[str, str]):
    """An environment that also has the stored keys. Going through it names only what is really in the environment."""

    def __init__(self, store: KeyStore, environ: Mapping[str, str]) -> None:
        self.store = store
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        value = self._environ.get(name, "")
        if value.strip() or name not in self.store.names():
            return self._environ[name]
        return self.store.get(name) or self._environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)

    def is_stored(self, name: str) -> bool:
        """Return whether the key comes from the keyring; asks no keyring."""
        return not self._environ.get(name, "").strip() and name in self.store.names()


@lru_cache(maxsize=8)
def key_store(home: Path) -> KeyStore:
    """Return the store of a data home, one for the whole program."""
    return KeyStore(home)


def no_keyring() -> str:
    """Return why no key can be stored here, `""` where one can. Imports `keyring`."""
    try:
        _asked(type, _LOOK_S)
    except ConfigError as error:
        return str(error)
    return ""


def _asked(work: Callable[[Any], _T], seconds: float) -> _T:
    """Do something with the keyring in a thread of its own. Raises `ConfigError` where it fails or takes too long."""
    result: list[_T] = []
    failure: list[str] = []

    def run() -> None:
        try:
            result.append(work(_ring()))
        except ConfigError as error:
            failure.append(str(error))
        except Exception as error:  # noqa: BLE001 - backends raise what their systems raise (D-Bus, Windows, ...)
            failure.append(f"The system's keyring refuses: {str(error).strip() or type(error).__name__}.")

    thread = threading.Thread(target=run, name="keyring", daemon=True)
    thread.start()
    thread.join(seconds)
    if failure:
        raise ConfigError(failure[0])
    if not result:
        raise ConfigError(f"The system's keyring did not answer within {seconds:.0f} s: unlock it first.")
    return result[0]


def _ring() -> Any:
    import keyring
    from keyring.backends import fail, null

    ring = keyring.get_keyring()
    module = type(ring).__module__
    if isinstance(ring, fail.Keyring | null.Keyring):
        raise ConfigError("There is no system keyring here.")
    if module.startswith("keyrings.alt.file") and "Plaintext" in type(ring).__name__:
        raise ConfigError("The only keyring here writes keys readably into a file, so it is not used.")
    return ring
