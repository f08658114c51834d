"""What may run unasked, what asks, and what never runs: rules, a reading of shell scripts, and one policy."""
