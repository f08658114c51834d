"""`bash`: a command in the project, in the sandbox where one works, asked for unless the rules let it run."""

import codecs
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from rlm_tui.config.schema import SandboxSettings
from rlm_tui.errors import ToolError
from rlm_tui.permissions.policy import Containment
from rlm_tui.permissions.script import read_script
from rlm_tui.redact import MASK, secret_values
from rlm_tui.sandbox.environment import command_environment
from rlm_tui.sandbox.finding import Found
from rlm_tui.sandbox.running import Ran, run_command
from rlm_tui.sandbox.wrapping import Box, protected_names
from rlm_tui.tools.port import Action, Arguments, ToolResult, ToolRun

SECONDS = 120.0
_MOST_SECONDS = 3600.0
_SHOWN_HEAD = 12_000
_SHOWN_TAIL = 12_000
_STREAM_S = 0.1
_STREAM_CHARS = 4_000
_STREAM_ALL = 200_000
"""Characters of running output that are shown to the person in all; the rest is in the result."""


class BashArguments(Arguments, frozen=True):
    command: Annotated[str, Meta(description="The shell command (bash). It gets no input and no terminal.")]
    timeout: Annotated[
        float, Meta(description="Seconds after which it is ended, at most 3600; 120 unless given.", gt=0)
    ] = SECONDS
    description: Annotated[str, Meta(description="What it does, in a few words, for the person.")] = ""


class Shell:
    """Where commands of one session run. `scratch` is made on first use; `close` removes it."""

    def __init__(
        self, project: Path, settings: SandboxSettings, found: Found, *, hidden: tuple[Path, ...] = (),
        attended: bool = True,
    ) -> None:  # fmt: skip
        self.project = project.resolve()
        self.settings = settings
        self.found = found
        self._hidden = hidden
        self._attended = attended
        self._scratch: Path | None = None

    @property
    def confined(self) -> bool:
        """Whether commands run in bubblewrap."""
        return self.found.containment in (Containment.SANDBOXED, Containment.PARTIAL)

    def check(self) -> None:
        """Raise `ToolError` where no command may run at all, whoever allows it."""
        if self.confined:
            return
        if self.settings.mode == "required":
            raise ToolError(f"No command runs without a sandbox here (sandbox.mode required): {self.found.text}.")
        if not self._attended and self.found.containment is Containment.NONE and not self.settings.headless:
            raise ToolError(
                f"No command runs: there is no sandbox ({self.found.why}) and nobody to ask. The setting"
                " `sandbox.headless` would let allowed commands run."
            )

    def arguments(self, command: str) -> list[str]:
        """Return the command line that runs `command`."""
        inner = ["/bin/bash", "-c", command] if Path("/bin/bash").exists() else ["/bin/sh", "-c", command]
        if not self.confined:
            return inner
        writable = tuple(Path(folder).expanduser().resolve() for folder in self.settings.writable)
        box = Box(
            self.project, self.scratch, self._hidden, writable, self.settings.network, self.found.modern
        )  # fmt: skip
        git = any(words.words[0].text == "git" for words in read_script(command).commands)
        return box.wrap(inner, git=git)

    @property
    def scratch(self) -> Path:
        """The folder that commands see as `/tmp`, for as long as the session is open."""
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="rlm-tui-tmp-"))
        return self._scratch

    def close(self) -> None:
        """Remove what commands left in `/tmp`."""
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None


class Bash:
    """`bash`: run a shell command in the project's folder."""

    name = "bash"
    arguments = BashArguments
    aliases: Mapping[str, str] = {"cmd": "command", "script": "command", "timeout_seconds": "timeout"}
    parallel = False

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    @property
    def description(self) -> str:
        """What the model is told, with where commands run."""
        where = "It runs in a sandbox: the project is writable, the network is "
        where += "reachable." if self._shell.settings.network else "not there."
        return (
            "Run a shell command in the project's folder: tests, builds, git. "
            f"{where if self._shell.confined else 'The person is asked first.'} Use read, grep, glob, edit and write "
            "for files. Each command starts anew in the project's folder; /tmp is kept."
        )

    async def run(self, arguments: BashArguments, run: ToolRun) -> ToolResult:
        command = arguments.command
        if not command.strip() or "\0" in command:
            raise ToolError("The command is empty or holds a NUL character.")
        self._shell.check()
        await run.permits.require(Action(self.name, command, writes=True, preview=arguments.description), run.request)
        seconds = min(arguments.timeout, _MOST_SECONDS)
        stream = _Stream(run)
        before = protected_names(self._shell.project)
        started = time.monotonic()
        ran = await run_command(
            self._shell.arguments(command), folder=self._shell.project,
            environment=command_environment(self._shell.settings.env), seconds=seconds, output=stream.add,
        )  # fmt: skip
        appeared = sorted(protected_names(self._shell.project) - before)
        return _result(command, ran, seconds, time.monotonic() - started, appeared, self._shell.found)


class _Stream:
    """What a person sees of a running command: its newest output, ten times a second, without secrets."""

    def __init__(self, run: ToolRun) -> None:
        self._run = run
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._secrets = secret_values(os.environ)
        self._held = max((len(secret) for secret in self._secrets), default=0)
        self._text = ""
        self._shown = 0
        self._shown_at = 0.0

    def add(self, piece: bytes) -> None:
        """Take a piece, and show what has gathered when it is time."""
        if self._shown >= _STREAM_ALL:
            return
        self._text = (self._text + self._decoder.decode(piece[-_STREAM_CHARS * 4 :]))[-_STREAM_CHARS - self._held :]
        now = time.monotonic()
        if now - self._shown_at < _STREAM_S:
            return
        masked = masked_secrets(self._text, self._secrets)
        end = max(len(masked) - self._held, masked.rfind("\n") + 1)
        if end > 0:
            self._run.output(masked[:end])
            self._text = masked[end:]
            self._shown += end
            self._shown_at = now


def masked_secrets(text: str, secrets: list[str]) -> str:
    """Return `text` with the values of key-like environment variables masked."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def _result(
    command: str, ran: Ran, seconds: float, took: float, appeared: list[str], found: Found
) -> ToolResult:  # fmt: skip
    text = masked_secrets(ran.output.decode("utf-8", "replace"), secret_values(os.environ))
    how = f"ended after {seconds:g} s" if ran.timed_out else f"exit code {ran.code}"
    if ran.code < 0 and not ran.timed_out:
        how = f"ended by signal {-ran.code}"
    lines = [how[:1].upper() + how[1:] + f" ({took:.1f} s)."]
    if ran.timed_out:
        lines.append("It took too long and was ended with all that it had started; `timeout` may be longer.")
    if ran.left:
        lines.append(f"{ran.left} processes that it left running were ended.")
    if appeared:
        lines.append(f"It made {', '.join(appeared)}, which can change what runs later: tell the person.")
    lines.append(_shown(text) if text else "(no output)")
    data: dict[str, object] = {
        "exit": ran.code,
        "bytes": ran.size,
        "sandbox": found.containment.value,
        "timed_out": ran.timed_out,
    }
    if appeared:
        data["appeared"] = appeared
    label = f"$ {' '.join(command.split())[:100]}"
    ok = ran.code == 0 and not ran.timed_out
    return ToolResult("\n".join(lines), f"{how}, {ran.size:,} bytes", capture=text, label=label, ok=ok, data=data)


def _shown(text: str) -> str:
    if len(text) <= _SHOWN_HEAD + _SHOWN_TAIL:
        return text
    hidden = len(text) - _SHOWN_HEAD - _SHOWN_TAIL
    return f"{text[:_SHOWN_HEAD]}\n… {hidden:,} characters left out here …\n{text[-_SHOWN_TAIL:]}"
