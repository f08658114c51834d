"""The agents of a session: which there are, and how one of them acts."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec

from rlm_tui.config.agents import BUILD, Agent
from rlm_tui.errors import ModelError, ToolError, UsageError
from rlm_tui.loop.acting import Acting, acting_as
from rlm_tui.models.port import ModelClient


class Agents:
    """Makes agents ready for use. `client` makes a model's client and may raise `ModelError`."""

    def __init__(self, agents: Mapping[str, Agent], client: Callable[[str], ModelClient]) -> None:
        self._agents = agents
        self._client = client

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order in which they are offered."""
        return tuple(self._agents)

    def known(self, name: str) -> Agent:
        """Return the agent called `name` (empty: `build`). Raises `UsageError` that names all."""
        agent = self._agents.get(name or BUILD)
        if agent is None:
            raise UsageError(f"There is no agent {name!r}. There are {', '.join(self._agents)}.")
        return agent

    def acting(self, name: str, model: str = "") -> Acting:
        """Return the agent ready for use, with another model where one is named.

        Raises `UsageError` where there is no such agent, `ModelError` where its model cannot be used.
        """
        agent = self.known(name)
        if not model:
            return acting_as(agent, self._client)
        own = msgspec.structs.replace(agent.settings, model=model)
        return acting_as(replace(agent, settings=own), self._client)

    def find(self, name: str) -> Acting:
        """Return an agent for a sub-call. Raises `ToolError`."""
        try:
            return self.acting(name)
        except (UsageError, ModelError) as error:
            raise ToolError(str(error)) from None

    def told(self) -> dict[str, str]:
        """Return what the model is told of them: name and description."""
        return {name: agent.settings.description for name, agent in self._agents.items()}

    def next_after(self, name: str) -> str:
        """Return the name that comes after `name` in the round of all."""
        names = self.names
        return names[(names.index(name or BUILD) + 1) % len(names)] if (name or BUILD) in names else BUILD
