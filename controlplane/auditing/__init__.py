"""The audit log as evidence: signed checkpoints, verification, exports, retention."""
