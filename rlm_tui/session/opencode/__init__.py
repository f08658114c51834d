"""Sessions of OpenCode, read from its database or from files that it exported, as sessions of ours."""
