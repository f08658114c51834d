"""Attempts to get out of the sandbox of commands, and what came of them: `python -m tests.sandbox.escapes`.

Each attempt is a shell script that runs in a project's box. It has got out when `escaped` says so, by what it printed
or by what it left behind. With `--as-user` the box is started by an ordinary user (needs root and `setpriv`).
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rlm_tui.sandbox.environment import command_environment
from rlm_tui.sandbox.wrapping import Box

NOBODY = 65534
KEY = "sk-test-0123456789abcdef0123"
_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where attempts happen: `outside` must not be reached, `project` is what commands may change."""

    project: Path
    outside: Path
    scratch: Path
    data: Path


@dataclass(frozen=True, slots=True)
class Escape:
    """One attempt. `script` may name {outside}, {project}, {data} and {pid} (a process outside)."""

    name: str
    script: str
    escaped: Callable[[Place, str], bool]


def _says(word: str = "GOT OUT") -> Callable[[Place, str], bool]:
    return lambda place, said: word in said


def _there(name: str) -> Callable[[Place, str], bool]:
    return lambda place, said: os.path.lexists(name.format(**_names(place)))


def _later(name: str) -> Callable[[Place, str], bool]:
    def check(place: Place, said: str) -> bool:
        time.sleep(0.8)
        return _there(name)(place, said)

    return check


def _changed(name: str, content: str) -> Callable[[Place, str], bool]:
    def check(place: Place, said: str) -> bool:
        path = Path(name.format(**_names(place)))
        return not path.is_file() or path.read_text() != content

    return check


def _names(place: Place) -> dict[str, str]:
    return {"outside": str(place.outside), "project": str(place.project), "data": str(place.data)}


_OK = "&& echo GOT OUT"

_HOME = "ls -A ~ | grep -v '^\\.\\(pyenv\\|cargo\\|rustup\\|nvm\\|local\\)$' | grep . && echo GOT OUT"
_TYPE = "python3 -c 'import fcntl, termios; fcntl.ioctl(0, termios.TIOCSTI, chr(120))' && echo GOT OUT"
_GIT_CHANGED = _changed("{project}/.git/config", "[core]\n")
ESCAPES: tuple[Escape, ...] = (
    Escape("read a file beside the project", "cat {outside}/secret", _says(KEY)),
    Escape("write beside the project", "echo x > {outside}/new", _there("{outside}/new")),
    Escape("write through a link", "ln -s {outside} l; echo x > l/new", _there("{outside}/new")),
    Escape("write through a hard link", "ln {outside}/secret h; echo x > h", _changed("{outside}/secret", KEY)),
    Escape("write to the system", f"touch /usr/rlm-escape /etc/rlm-escape {_OK}", _says()),
    Escape("remount the system writable", f"mount -o remount,rw / {_OK}", _says()),
    Escape("read the home directory", _HOME, _says()),
    Escape("read the program's own data", "cat {data}/trust.json", _says(KEY)),
    Escape("read password hashes", "cat /etc/shadow | grep -q : && echo GOT OUT", _says()),
    Escape("read keys from the environment", "env; cat /proc/*/environ | tr '\\0' '\\n'", _says(KEY)),
    Escape("see processes outside", f"ls -d /proc/{{pid}} {_OK}", _says()),
    Escape("end a process outside", f"kill -0 {{pid}} {_OK}", _says()),
    Escape("trace a process outside", f"cat /proc/{{pid}}/maps {_OK}", _says()),
    Escape(
        "reach the network",
        f"(exec 3<>/dev/tcp/1.1.1.1/53) {_OK}; (exec 3<>/dev/tcp/127.0.0.1/{{port}}) {_OK}",
        _says(),
    ),
    Escape("see network cards", "grep -v -e lo: -e '|' /proc/net/dev | grep : && echo GOT OUT", _says()),
    Escape("keep capabilities", "grep -q 'CapEff:.*[1-9a-f]' /proc/self/status && echo GOT OUT", _says()),
    Escape("make a new user namespace", f"unshare -Ur true {_OK}", _says()),
    Escape(
        "become root by a setuid program",
        f"su -c true </dev/null {_OK}; grep -q 'NoNewPrivs:.*0' /proc/self/status {_OK}",
        _says(),
    ),
    Escape("change the host's name", f"hostname escaped {_OK}", _says()),
    Escape("open a disk", f"ls /dev/sd* /dev/vd* /dev/nvme* /dev/mem {_OK}", _says()),
    Escape(
        "talk to docker and the bus", f"ls /run/docker.sock /var/run/docker.sock /run/dbus /run/user {_OK}", _says()
    ),
    Escape(
        "plant a git hook",
        "mkdir -p .git/hooks; echo x > .git/hooks/pre-commit",
        _there("{project}/.git/hooks/pre-commit"),
    ),
    Escape("rewrite git's configuration", "git config core.pager evil; echo evil >> .git/config", _GIT_CHANGED),
    Escape("move the repository away", "mv .git g && mkdir .git && echo evil > .git/config", _GIT_CHANGED),
    Escape(
        "rewrite this program's rules",
        "echo evil >> rlm-tui.toml; rm rlm-tui.toml; mv rlm-tui.toml x",
        _changed("{project}/rlm-tui.toml", "# mine\n"),
    ),
    Escape(
        "rewrite a shell start file",
        "echo evil > .envrc; sed -i s/mine/evil/ .envrc",
        _changed("{project}/.envrc", "# mine\n"),
    ),
    Escape(
        "leave a process behind",
        "(setsid sh -c 'sleep 0.4; touch {project}/late' &) ; exit 0",
        _later("{project}/late"),
    ),
    Escape("type into the terminal", _TYPE, _says()),
)


def make_place(folder: Path, owner: int | None = None) -> Place:
    """Return a fresh place below `folder`, owned by `owner` where one is named."""
    place = Place(folder / "project", folder / "outside", folder / "scratch", folder / "data")
    for path in (place.project / ".git" / "hooks", place.outside, place.scratch, place.data):
        path.mkdir(parents=True)
    (place.outside / "secret").write_text(KEY)
    (place.data / "trust.json").write_text(KEY)
    (place.project / ".git" / "config").write_text("[core]\n")
    (place.project / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (place.project / "rlm-tui.toml").write_text("# mine\n")
    (place.project / ".envrc").write_text("# mine\n")
    if owner is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, owner)
    return place


def attempt(
    escape: Escape, place: Place, *, port: int = 9, as_user: bool = False, git: bool = False
) -> tuple[bool, str]:
    """Return whether `escape` got out of `place`, and what it said."""
    box = Box(place.project, place.scratch, hidden=(place.data,))
    names = {**_names(place), "pid": str(os.getpid()), "port": str(port)}
    script = escape.script
    for name, value in names.items():
        script = script.replace("{" + name + "}", value)
    command = box.wrap(["/bin/bash", "-c", script], git=git)
    if as_user:
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
    environment = command_environment(environ={**os.environ, "OPENAI_API_KEY": KEY, "HARMLESS": KEY})
    done = subprocess.run(
        command, cwd=place.project, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=_SECONDS, check=False,
    )  # fmt: skip
    said = done.stdout.decode("utf-8", "replace")
    return escape.escaped(place, said), said


def can_be_user() -> str:
    """Return why no ordinary user's box can be tried here, an empty string where it can."""
    if os.geteuid() != 0:
        return "only root can become another user"
    return "" if shutil.which("setpriv") else "setpriv is missing"


def main() -> int:
    """Print a line an attempt; exit 1 when any got out."""
    as_user = "--as-user" in sys.argv[1:]
    if as_user and (why := can_be_user()):
        sys.stderr.write(f"{why}\n")
        return 2
    out = 0
    for escape in ESCAPES:
        with tempfile.TemporaryDirectory(prefix="rlm-escape-", dir="/var/tmp") as name:
            place = make_place(Path(name), NOBODY if as_user else None)
            got_out, said = attempt(escape, place, as_user=as_user)
        out += got_out
        last = (said.strip().splitlines() or ["(nothing)"])[-1][:70]
        sys.stdout.write(f"{'GOT OUT' if got_out else 'contained'}  {escape.name:<36} {last}\n")
    sys.stdout.write(
        f"{len(ESCAPES) - out} of {len(ESCAPES)} contained, as {'uid 65534' if as_user else 'this user'}\n"
    )
    return 1 if out else 0


if __name__ == "__main__":
    sys.exit(main())
