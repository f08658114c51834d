"""The loop: one call is one node; calls make calls; budgets hold over the whole tree."""
