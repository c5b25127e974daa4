"""The command `runstream`.

Each command is a module that has `add`, which adds its parser, and functions that take the parsed
arguments and return the exit code. `runstream server` and its like are found as entry points.
"""
