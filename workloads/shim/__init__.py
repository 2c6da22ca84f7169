"""The shim: one tiny process that owns one local workload from its start to its end.

    python -I -S workloads/shim/__main__.py FOLDER

The workload manager starts it and may die a moment later: the shim alone keeps the child's
pipes, its log, its timeout and the record of its end. It uses the standard library only, and
little of it, because every workload waits for these imports. files.py says how they talk.
"""
