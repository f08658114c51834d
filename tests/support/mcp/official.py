"""A server made with the official library: `python official.py` over stdio, `python official.py PORT` over HTTP."""

import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("official")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def long(count: int) -> str:
    """Give a text of so many characters."""
    return "x" * count


@server.resource("memo://greeting")
def greeting() -> str:
    """A greeting."""
    return "Hello from a resource."


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]), json_response=len(sys.argv) > 2)
    else:
        server.run("stdio")
