"""Where the commands of the `bash` tool run: in bubblewrap where that confines, and what is known where it does not."""
