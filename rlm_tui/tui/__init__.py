"""The screen: a Textual program that folds the session's events into chat, context browser and trace."""

from rlm_tui.config.options import AppOptions

_SWITCH_S = 0.0005
"""How long the engine's thread may hold the interpreter while a key waits: a tenth of Python's default."""


def run_app(options: AppOptions) -> int:
    """Open the screen, stay until the person leaves, and return the exit code.

    Collecting garbage is left to idle moments (see `app`), and the frame timer is set before Textual is imported:
    both cost tens of milliseconds in the middle of typing otherwise.
    """
    import gc
    import os
    import sys

    gc.disable()
    sys.setswitchinterval(_SWITCH_S)
    os.environ.setdefault("TEXTUAL_FPS", "240")
    from rlm_tui.tui.skeleton import Skeleton

    with Skeleton(options) as skeleton:
        from rlm_tui.tui.app import RlmTuiApp

        app = RlmTuiApp(options, for_others=skeleton.restore)
        app.run(mouse=options.mouse)
    return app.return_code or 0
