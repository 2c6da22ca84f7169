"""Backups of a workspace (meshkit.backup), and a look for what should never be in it.

`parts` says what is backed up; `checks` and `files` look, `repairs` counts anew.

    python -m workspace.backup backup TO | restore FROM | list FOLDER | check
"""
