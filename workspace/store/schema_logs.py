"""The tables of logs, as `workspace.store.schema` has those of everything else."""
