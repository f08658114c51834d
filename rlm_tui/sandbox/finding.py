"""Whether bubblewrap really confines here: found by trying to get out, not by looking for the program."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rlm_tui.permissions.policy import Containment
from rlm_tui.sandbox.wrapping import Box

_SECONDS = 10

_PROBE = r"""
out() { printf '%s; ' "$1"; }
[ -e "$1" ] && out "files outside can be read"
{ true > "$2/x"; } 2>/dev/null && out "files outside can be written"
{ true > /usr/rlm-tui-probe; } 2>/dev/null && out "the system can be written"
[ -n "$RLM_TUI_PROBE" ] && out "the environment is there"
kill -0 "$3" 2>/dev/null && out "processes outside can be reached"
n=0; while read -r line; do case $line in *:*) case $line in lo:*) ;; *) n=1;; esac;; esac; done < /proc/net/dev
[ $n = 1 ] && out "the network is there"
while read -r name value; do case $name in
  CapEff:) [ "$value" = 0000000000000000 ] || out "capabilities are left";;
esac; done < /proc/self/status
{ true > "$4/y"; } 2>/dev/null || out "the project cannot be written"
printf confined
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What is there: how far commands are confined, why no further, and whether bubblewrap is a modern one."""

    containment: Containment
    why: str = ""
    modern: bool = True

    @property
    def text(self) -> str:
        """`SANDBOXED`, `PARTIAL (why)`, `NONE (why)` or `OFF (why)`."""
        return self.containment.value + (f" ({self.why})" if self.why else "")


def find_containment(mode: str, *, network: bool = False, project: Path | None = None) -> Found:
    """Return how far commands of `project` are confined with `[sandbox] mode` and `network` (some 50 ms, once)."""
    if mode == "off":
        return Found(Containment.OFF, "switched off")
    found = _find()
    if found.containment is not Containment.SANDBOXED:
        return found
    reasons = ["the network is open"] if network else []
    if project is not None and (project == Path("/") or Path.home().is_relative_to(project)):
        reasons.append("your home directory is the project")
    return Found(Containment.PARTIAL, " and ".join(reasons), found.modern) if reasons else found


@lru_cache(maxsize=1)
def _find() -> Found:
    if sys.platform != "linux":
        return Found(Containment.NONE, "there is no bubblewrap on this system")
    if shutil.which("bwrap") is None:
        return Found(Containment.NONE, "bubblewrap is not installed")
    problem = ""
    for modern in (True, False):
        problem = _probe(modern=modern)
        if not problem:
            return Found(Containment.SANDBOXED, modern=modern)
    return Found(Containment.NONE, problem)


def _probe(*, modern: bool) -> str:
    """Try to get out; return what was wrong, or an empty string."""
    with tempfile.TemporaryDirectory(prefix="rlm-tui-probe-") as name:
        place = Path(name).resolve()
        for folder in ("project", "scratch", "outside"):
            (place / folder).mkdir()
        marker = place / "outside" / "marker"
        marker.touch()
        box = Box(place / "project", place / "scratch", modern=modern)
        arguments = [str(marker), str(place / "outside"), str(os.getpid()), str(place / "project")]
        try:
            done = subprocess.run(
                box.wrap(["/bin/sh", "-c", _PROBE, "sh", *arguments]), capture_output=True, timeout=_SECONDS,
                check=False, stdin=subprocess.DEVNULL, env={"PATH": os.environ.get("PATH", os.defpath)},
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"bubblewrap does not start: {error}"
    said = done.stdout.decode("utf-8", "replace").strip()
    if said == "confined":
        return ""
    complaint = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    return f"bubblewrap does not confine: {said or ' '.join(complaint) or f'exit code {done.returncode}'}"
