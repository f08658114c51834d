"""What the screen costs under load: `python -m tests.bench.screen`."""
