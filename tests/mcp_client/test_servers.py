"""What works with a server that behaves: tools, results, resources, permissions, an environment without keys."""

import asyncio
from pathlib import Path

import pytest

from rlm_tui.errors import ToolError, UsageError
from rlm_tui.tools.port import NoPermits
from rlm_tui.tools.registry import Registry
from tests.mcp_client.conftest import MakeBench, plain


async def test_tools_are_offered_by_name_with_their_schema(make: MakeBench) -> None:
    bench = make(notes=plain())
    await bench.servers.settled(30)
    (echo,) = [schema for schema in Registry(bench.servers.tools()).schemas if schema.name == "notes_echo"]
    assert echo.description.startswith("Say it again.")
    assert echo.parameters["required"] == ["text"]
    result = await bench.use("notes_echo", text="hello")
    assert result.text == "hello"
    assert (bench.permits.asked[0].tool, bench.permits.asked[0].target) == ("mcp:notes_echo", "notes_echo")
    assert '"text": "hello"' in bench.permits.asked[0].preview


async def test_without_permission_nothing_is_called(make: MakeBench, tmp_path: Path) -> None:
    bench = make(notes=plain("good", str(tmp_path / "heard")))
    await bench.servers.settled(30)
    bench.permits = NoPermits()  # type: ignore[assignment]  # the port's other side
    assert "not allowed" in await bench.refusal("notes_echo", text="hello")
    assert "call" not in (tmp_path / "heard").read_text()


async def test_wrong_arguments_are_answered_with_the_signature(make: MakeBench) -> None:
    bench = make(notes=plain())
    await bench.servers.settled(30)
    assert "notes_echo(text: string)" in await bench.refusal("notes_echo", words="hello")


async def test_a_long_result_is_cut_for_the_model_and_captured_whole(make: MakeBench) -> None:
    bench = make(notes=plain())
    await bench.servers.settled(30)
    result = await bench.use("notes_big")
    assert result.capture == "line of a long text\n" * 10_000
    assert "(200,000 characters in all)" in result.text
    assert len(result.text) < 40_000


async def test_a_message_that_is_too_large_is_dropped_and_the_server_goes_on(make: MakeBench) -> None:
    bench = make(notes=plain())
    await bench.servers.settled(30)
    assert "over 4 MiB was dropped" in await bench.refusal("notes_huge")
    assert (await bench.use("notes_echo", text="still here")).text == "still here"


async def test_failures_pictures_and_nonsense_become_results_and_refusals(make: MakeBench) -> None:
    bench = make(notes=plain())
    await bench.servers.settled(30)
    failed = await bench.use("notes_fail")
    assert (failed.ok, failed.text) == (False, "it did not work")
    assert (await bench.use("notes_picture")).text == "[image, image/png, 3 bytes: not shown]"
    assert "MCP server notes: its answer is not what the protocol says" in await bench.refusal("notes_nonsense")


async def test_a_call_that_takes_too_long_is_given_up_and_the_server_is_told(make: MakeBench, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    bench = make(notes=plain("good", str(heard), timeout=2))
    await bench.servers.settled(30)
    assert "notes did not answer within 2 s" in await bench.refusal("notes_slow")
    await bench.until(lambda: "cancelled" in heard.read_text())
    assert (await bench.use("notes_echo", text="on")).text == "on"


async def test_a_cancelled_call_is_cancelled_at_the_server(make: MakeBench, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    bench = make(notes=plain("good", str(heard)))
    await bench.servers.settled(30)
    call = asyncio.create_task(bench.use("notes_slow"))
    await bench.until(lambda: "call" in heard.read_text())
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await bench.until(lambda: "cancelled" in heard.read_text())


async def test_a_server_sees_no_key_that_it_was_not_given_and_echoes_none(make: MakeBench) -> None:
    environ = {
        "PATH": "/usr/bin:/bin", "OPENAI_API_KEY": "sk-not-for-servers-123456", "GH_TOKEN": "ghp-for-one-server-123456",
        "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    bench = make(environ, notes=plain(env={"FORGE_TOKEN": "${GH_TOKEN}", "COLOUR": "blue"}))
    await bench.servers.settled(30)
    text = (await bench.use("notes_environment")).text
    assert "OPENAI_API_KEY" not in text
    assert "FORGE_TOKEN=[redacted]" in text
    assert "COLOUR=blue" in text
    assert "LC_ALL=C.UTF-8" in text


async def test_resources_are_listed_and_read_as_text(make: MakeBench) -> None:
    bench = make(notes=plain())
    await bench.servers.settled(30)
    assert [resource.uri for resource in await bench.servers.resources("notes")] == ["memo://one", "memo://blob"]
    label, text = await bench.servers.read("notes", "memo://one")
    assert (label, text) == ("mcp:notes:memo://one", "The text of memo://one.\nIts second line.")
    with pytest.raises(ToolError, match="no text"):
        await bench.servers.read("notes", "memo://blob")
    with pytest.raises(UsageError, match="The servers are: notes"):
        await bench.servers.read("others", "memo://one")


async def test_a_server_is_disabled_and_enabled_again(make: MakeBench) -> None:
    bench = make(notes=plain(), off=plain(enabled=False))
    await bench.servers.settled(30)
    assert [bench.state("notes"), bench.state("off")] == ["ready", "off"]
    await bench.servers.disable("notes")
    assert bench.servers.tools() == ()
    bench.servers.enable("off")
    bench.servers.enable("notes")
    await bench.servers.settled(30)
    assert {tool.server.name for tool in bench.servers.tools()} == {"notes", "off"}


async def test_what_the_settings_lack_is_said(make: MakeBench) -> None:
    from rlm_tui.config.settings import McpSettings

    bench = make(
        none=McpSettings(), both=plain(url="http://127.0.0.1:1/mcp"), key=plain(env={"TOKEN": "${NOT_SET_HERE}"}),
        gone=McpSettings(command=("/no/such/program",)), scheme=McpSettings(url="file:///etc/passwd"), good=plain(),
    )  # fmt: skip
    await bench.servers.settled(30)
    assert "neither `command` nor `url`" in bench.notice("[mcp.none]")
    assert "both" in bench.notice("[mcp.both]")
    assert "${NOT_SET_HERE}" in bench.notice("[mcp.key]")
    assert "was not found" in bench.notice("/no/such/program")
    assert "http or https" in bench.notice("[mcp.scheme]")
    assert bench.state("good") == "ready"
