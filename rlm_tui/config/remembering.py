"""Choices made in the screen (a model, a theme) written back into `config.toml`, comments kept."""

from typing import Any

from rlm_tui.config.paths import Paths
from rlm_tui.config.writing import write_atomically
from rlm_tui.errors import ConfigError


def remember(paths: Paths, key: str, value: Any) -> None:
    """Set the dotted `key` in the person's `config.toml` and leave all else of it as it is.

    Raises `ConfigError` where the file cannot be read, is not valid TOML, or cannot be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    file = paths.config_file
    try:
        document = tomlkit.parse(file.read_bytes().decode("utf-8")) if file.exists() else tomlkit.document()
        *groups, name = key.split(".")
        table: Any = document
        for group in groups:
            if group not in table:
                table[group] = tomlkit.table()
            table = table[group]
        table[name] = value
        text = tomlkit.dumps(document)
        paths.make(paths.config_dir)
        write_atomically(file, text)
    except (TOMLKitError, UnicodeDecodeError, TypeError) as error:
        raise ConfigError(f"{file} was not changed, because it cannot be understood: {error}. Mend it first.") from None
    except OSError as error:
        raise ConfigError(f"{file} could not be written: {error.strerror}. The choice holds until you quit.") from None
