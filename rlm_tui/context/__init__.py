"""The context store: entries with exact character offsets, in DuckDB segments, mapped tapes and a tail."""
