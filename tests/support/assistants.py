"""A whole assistant over a scripted server, with files of the person's and of a trusted project."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import msgspec

from rlm_tui.config.options import AppOptions
from rlm_tui.config.paths import Paths
from rlm_tui.config.schema import Approval
from rlm_tui.config.settings import EndpointSettings, ModelSettings, PermissionSettings, load_settings
from rlm_tui.config.trust import project_files, trust
from rlm_tui.loop.assistant import Assistant
from tests.support.scripted_server import ScriptedServer


def write_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files below `folder`, by relative name."""
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def app_options(
    server: ScriptedServer,
    root: Path,
    *,
    own: Mapping[str, str] | None = None,
    trusted: Mapping[str, str] | None = None,
    agent: str = "",
    approval: Approval = "edit",
    deny: tuple[str, ...] = (),
) -> AppOptions:
    """Return options for the project `root/project` with the model `lab/scripted`.

    `own` are files of the config dir, `trusted` files below `.rlm-tui/` of the project, which is trusted then.
    """
    paths, project = Paths(root / "home", root / "config"), root / "project"
    project.mkdir(exist_ok=True)
    write_files(paths.config_dir, own or {})
    if trusted:
        write_files(project / ".rlm-tui", trusted)
        trust(paths, project, project_files(project))
    loaded = load_settings(paths, project, environ={})
    settings = msgspec.structs.replace(
        loaded.settings,
        model=ModelSettings(name="lab/scripted"),
        endpoints={"lab": EndpointSettings(api_base=server.base_url)},
        permissions=PermissionSettings(approval=approval, deny=deny),
    )
    return AppOptions(project, paths, dataclasses.replace(loaded, settings=settings), agent=agent)


def notices(assistant: Assistant) -> str:
    """Return what notices of the session say, a line each."""
    return "\n".join(item.text for item in assistant.session.state.items if item.role == "notice")
