"""The workload manager: turns workloads into processes, and tells their true state."""

__version__ = "0.1.0"
