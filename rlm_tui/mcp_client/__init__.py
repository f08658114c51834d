"""Servers of the Model Context Protocol: started, watched and offered as tools. Nothing of `mcp` loads before use."""
