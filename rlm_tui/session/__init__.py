"""Sessions: the event log, the one fold over it, coverage, and the library of past sessions."""
