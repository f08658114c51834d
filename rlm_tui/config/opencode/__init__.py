"""The settings of OpenCode as settings of ours, as far as they have a counterpart."""
