"""Measurements: each module is a command that prints a table, with a yardstick measured in the same run."""
