"""Alembic revisions of the control plane's database."""
