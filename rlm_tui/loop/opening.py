"""How a session begins: the one that was asked for, and the permissions that are in force in it."""

from msgspec.structs import replace

from rlm_tui import events as ev
from rlm_tui.config.options import AppOptions
from rlm_tui.config.project_rules import project_rules
from rlm_tui.config.settings import Settings
from rlm_tui.models.providers import OFFLINE
from rlm_tui.permissions.policy import Policy, make_policy
from rlm_tui.sandbox.finding import Found
from rlm_tui.session.library import find_session, newest_session
from rlm_tui.session.session import Listener, Session


def opened_session(options: AppOptions, listener: Listener) -> Session:
    """Resume the session that the options name, or create one. Raises `UsageError` or `SessionError`."""
    directory = None
    if options.session:
        directory = find_session(options.paths, options.session)
    elif options.continue_:
        directory = newest_session(options.paths, options.project)
    if directory is not None:
        return Session.resume(directory, options.paths.home, listener)
    model = options.loaded.settings.model
    return Session.create(
        options.paths.make(options.paths.sessions),
        options.paths.home,
        project=options.project,
        model=model.name or OFFLINE,
        sub_model=model.sub,
        mode=model.mode,
        listener=listener,
    )


def policy_in_force(session: Session, options: AppOptions, settings: Settings, found: Found) -> Policy:
    """Return the permissions of a session; what is wrong with them, and what they are, is recorded in it."""
    paths, project = options.paths, options.project
    flagged = "permissions.approval" in options.flags
    chosen = session.state.settings.get("approval", "")
    if session.state.imported_from:
        chosen = ""  # a file from elsewhere does not decide what may run unasked here
    approval = settings.permissions.approval if flagged else chosen
    own = settings.permissions
    policy, problems = make_policy(
        replace(own, allow=(*own.allow, *project_rules(paths, project))), project, approval=approval,
        containment=found.containment, writable=settings.sandbox.writable,
    )  # fmt: skip
    for problem in problems:
        session.record(ev.Notice("error", problem))
    for name, value in (("sandbox", found.text), ("approval", policy.approval)):
        if session.state.settings.get(name) != value:
            session.record(ev.SettingChosen(name, value))
    return policy
