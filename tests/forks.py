"""Processes to be killed: forked from one that has imported what they run, so they start at once.

Importing a server takes a second of CPU, and these tests start hundreds.
"""

import multiprocessing

forks = multiprocessing.get_context("forkserver")
# One list for all tests: the process that forks starts with the first of them, and stays as it is.
forks.set_forkserver_preload(
    [
        "pytest",
        "tests.meshkit.crashing",
        "tests.controlplane.killed_changes",
        "tests.workspace.killed_alerts",
        "tests.workspace.killed_launches",
        "tests.workspace.killed_replicas",
        "tests.workspace.killed_triggers",
        "tests.workspace.killed_webhooks",
        "tests.workspace.log_process",
        "tests.workspace.replicas",
    ]
)
