"""What leaves the program: a session as Markdown, HTML, JSON, JSON Lines or a bundle, and back again."""
