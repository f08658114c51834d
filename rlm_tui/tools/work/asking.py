"""The tools that reach people and other calls: `todo`, `ask` and `task`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from rlm_tui.tools.port import Arguments, SubTask, ToolResult, ToolRun

_MARKS = {"pending": "[ ]", "in_progress": "[>]", "completed": "[x]", "cancelled": "[-]"}


class TodoItem(Struct, frozen=True):
    """One step of a plan."""

    content: Annotated[str, Meta(min_length=1)]
    status: Literal["pending", "in_progress", "completed", "cancelled"] = "pending"


class TodoArguments(Arguments, frozen=True):
    items: Annotated[list[TodoItem], Meta(description="The whole plan, in order, each with its status.")]


class AskArguments(Arguments, frozen=True):
    question: Annotated[str, Meta(description="One question, complete in itself.", min_length=1)]
    options: Annotated[list[str], Meta(description="Answers to choose from; others stay possible.")] = []


class TaskArguments(Arguments, frozen=True):
    prompt: Annotated[str, Meta(description="The work to do, complete in itself.", min_length=1)]
    agent: Annotated[str, Meta(description="The kind of agent; empty for the usual one.")] = ""


class Todo:
    """`todo`: the plan, for the person to see."""

    name = "todo"
    description = (
        "Write down the plan of a longer task, and its progress, for the person to see. Send all of it each time."
    )
    arguments = TodoArguments
    aliases: Mapping[str, str] = {"todos": "items"}
    parallel = False

    async def run(self, arguments: TodoArguments, run: ToolRun) -> ToolResult:  # noqa: ARG002 - touches nothing
        items = arguments.items
        text = "\n".join(f"{_MARKS[item.status]} {item.content}" for item in items) or "The plan is empty."
        done = sum(item.status == "completed" for item in items)
        plain = [{"content": item.content, "status": item.status} for item in items]
        return ToolResult(text, f"{done} of {len(items)} done", data={"todo": plain})


class Ask:
    """`ask`: a question to the person."""

    name = "ask"
    description = "Ask the person a question that you cannot answer yourself and that changes what you do."
    arguments = AskArguments
    aliases: Mapping[str, str] = {"prompt": "question", "choices": "options"}
    parallel = False

    async def run(self, arguments: AskArguments, run: ToolRun) -> ToolResult:
        answer = await run.person.ask(arguments.question, tuple(arguments.options), run.request)
        return ToolResult(answer or "(the person gave an empty answer)", "answered")


class Task:
    """`task`: a sub-agent that sees the whole context and has the working tools."""

    name = "task"
    arguments = TaskArguments
    aliases: Mapping[str, str] = {"description": "prompt", "subagent_type": "agent"}
    parallel = False

    def __init__(self, agents: Mapping[str, str] | None = None) -> None:
        """`agents` are the kinds of agents to choose from, with what each is for."""
        self._agents = agents or {}

    @property
    def description(self) -> str:
        """What the model is told, with the agents that there are."""
        text = (
            "Give a piece of work to a fresh copy of yourself that has the working tools and the whole context, but "
            "not this conversation. Its answer comes back. For questions about spans use rlm_query."
        )
        lines = [f"- {name}: {what}" for name, what in self._agents.items()]
        return "\n".join([f"{text} The agents are:", *lines]) if lines else text

    async def run(self, arguments: TaskArguments, run: ToolRun) -> ToolResult:
        whole = tuple(run.context.reachable(0, run.context.chars))
        answer = await run.sub.query(SubTask(arguments.prompt, whole, agent=arguments.agent, work=True), run.request)
        if answer.error:
            text = f"The sub-agent failed: {answer.error}"
            return ToolResult(f"{text}\n{answer.answer}" if answer.answer else text, answer.error, ok=False)
        return ToolResult(answer.answer, f"call {answer.call} ended")
