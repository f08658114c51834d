"""The harness in figures: what it costs around the model's own time, with a scripted model over real HTTP."""
