"""Servers of the Model Context Protocol for tests: programs of their own, some of them hostile."""
