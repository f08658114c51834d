"""Markdown that may still be growing, as lines for the screen."""
