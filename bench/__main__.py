"""`python -m bench`: every figure, one table."""

import sys

from bench.run import main_of_all

if __name__ == "__main__":
    sys.exit(main_of_all())
