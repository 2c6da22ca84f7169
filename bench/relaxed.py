"""`python -m bench.relaxed`: the workspace server with SQLite's synchronous=NORMAL.

Production does not offer it: a power cut could take acknowledged writes. It shows what
synchronous=FULL costs.
"""

import runpy
from functools import partial

from meshkit import database

database.DatabaseSettings = partial(  # type: ignore[misc, assignment]
    database.DatabaseSettings, sqlite_synchronous="NORMAL"
)

if __name__ == "__main__":
    runpy.run_module("workspace", run_name="__main__")
