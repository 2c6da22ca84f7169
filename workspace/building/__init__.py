"""Images that are built by workloads: the program that builds them, and what it is given."""
