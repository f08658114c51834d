"""Models in GGUF files of the person's own, run on this machine by llama.cpp in a process of its own.

The extra `local` brings llama.cpp (the package `xllamacpp`). No weights are shipped or fetched.
"""
