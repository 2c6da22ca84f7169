"""The job that carries operations through, and keeps the servers of workspaces running."""
