"""The working tools: files of the project, questions to the person, the web, and sub-agents that work."""
