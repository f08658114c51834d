"""The Python REPL of repl mode: a worker in a sandbox, and the supervisor that runs cells in it.

`worker`, `channel`, `objects`, `confine`, `filters` and `landlock` run inside the sandbox and use the standard library
alone; `sandbox`, `process`, `pool` and `cells` run in the program.
"""
