"""Backups of a server, and their restoration: one form for SQLite and PostgreSQL.

A backup is a directory: `tables/<table>.jsonl`, a line for each row; `files/...`, what stands in
the data directory beside the database: keys, credentials, logs; and `manifest.json`, written last,
with the hash of everything. `tables` turns rows into lines and back, `archive` writes and restores
the directory, `bucket` keeps its files in an object store, `places` knows both, `command` does all
of it for an operator.
"""
