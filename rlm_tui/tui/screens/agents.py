"""Choosing whom the next turn acts as, and listing skills."""

from typing import TYPE_CHECKING

from textual.screen import Screen

from rlm_tui.errors import RlmTuiError
from rlm_tui.text import one_line
from rlm_tui.tui.screens.dialogs import Choice, ChooseDialog

if TYPE_CHECKING:
    from rlm_tui.loop.assistant import Assistant
    from rlm_tui.session.state import SessionState
    from rlm_tui.tui.bridge import Bridge


class AgentActions(Screen[None]):
    """`/agents`, F2 and `/skills` of the main screen."""

    if TYPE_CHECKING:
        state: SessionState
        bridge: Bridge

        def tell(self, text: str, severity: str = "information") -> None: ...

    def do_next_agent(self) -> None:
        """Act as the next agent from the next turn on."""
        self.use_agent("")

    def do_choose_agent(self) -> None:
        """Choose the agent of the next turns from all that there are."""

        def work(assistant: "Assistant") -> None:
            now = self.state.settings.get("agent", "") or "build"
            choices = [
                Choice(name, f"{'* ' if name == now else ''}{name}", one_line(agent.settings.description, 80))
                for name, agent in assistant.extras.agents.items()
            ]
            self.app.call_later(self._choose_agent, choices)

        if not self.bridge.call(work):
            self.tell("The session is still being opened: try again in a moment.", "warning")

    def _choose_agent(self, choices: list[Choice]) -> None:
        def chosen(name: str | None) -> None:
            if name:
                self.use_agent(name)

        hint = "F2 takes the next one. Your own: Markdown files in agents/ of the config dir."
        self.app.push_screen(ChooseDialog("Agents", choices, hint=hint), chosen)

    def use_agent(self, name: str) -> None:
        """Act as another agent from the next turn on (empty: the next in the round)."""

        def work(assistant: "Assistant") -> None:
            try:
                chosen = assistant.choose_agent(name)
            except RlmTuiError as error:
                self.app.call_later(self.tell, str(error), "error")
            else:
                self.app.call_later(self.tell, f"Agent: {one_line(chosen, 40)}, from the next turn on")

        if not self.bridge.call(work):
            self.tell("The session is still being opened: try again in a moment.", "warning")

    def do_skills(self) -> None:
        """List the skills that the model can read; the one chosen is asked for in the prompt."""

        def work(assistant: "Assistant") -> None:
            skills = [Choice(name, name, one_line(s.description, 90)) for name, s in assistant.extras.skills.items()]
            self.app.call_later(self._choose_skill, skills)

        if not self.bridge.call(work):
            self.tell("The session is still being opened: try again in a moment.", "warning")

    def _choose_skill(self, skills: list[Choice]) -> None:
        if not skills:
            self.tell("There is no skill. One is a folder with a SKILL.md in skills/ of the config dir.")
            return

        def chosen(name: str | None) -> None:
            if name:
                self.bridge.call(lambda assistant: assistant.send(f"Use the skill {name}."))

        self.app.push_screen(ChooseDialog("Skills: enter asks for one", skills), chosen)
