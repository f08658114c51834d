"""The context engine in figures, beside ripgrep, SQLite FTS5 and Python's `re`."""
