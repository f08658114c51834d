"""The command line: every command imports its rooms when it runs, never before."""
