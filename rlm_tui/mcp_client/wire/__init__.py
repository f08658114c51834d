"""The part that speaks the protocol: the one place that imports `mcp`, itself imported when a server is started."""
