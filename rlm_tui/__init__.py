"""rlm-tui: a terminal coding assistant that shows a Recursive Language Model at work."""

__version__ = "0.1.0"
