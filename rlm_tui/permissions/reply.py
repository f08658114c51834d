"""What a person says to a question for permission, and the modes. Light, since the screen imports it as it starts."""

from dataclasses import dataclass
from typing import Literal, get_args

from rlm_tui.config.schema import Approval

APPROVALS: tuple[Approval, ...] = get_args(Approval)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the person says to a question for permission.

    `session` and `always` take a `rule`, which then holds for this session or is kept for the project. `reason` is
    told to the model with a `deny`.
    """

    decision: Literal["once", "session", "always", "deny"]
    rule: str = ""
    reason: str = ""
