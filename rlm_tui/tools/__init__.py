"""What a model may do: tools over the context, sub-calls, and work on the project."""
