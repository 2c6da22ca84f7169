"""`python -I -S workloads/shim/__main__.py FOLDER`: admits itself, and runs FOLDER's workload."""

import os
import sys

# Isolated mode leaves the import path to us. Last, so that nothing beside us hides the library.
sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))  # noqa: PTH100, PTH120

from workloads.shim.workload import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
