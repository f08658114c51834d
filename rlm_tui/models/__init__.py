"""The edge to language models: the port, the litellm client, the offline model, and the catalog."""
