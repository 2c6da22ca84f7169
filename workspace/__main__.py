"""`python -m workspace`: runs a workspace server with the settings of the environment.

`python -m workspace migrate` brings its database to this version, and ends.
"""

from meshkit.process import run_service
from workspace.config import WorkspaceSettings
from workspace.server import build
from workspace.upgrade import upgrade

if __name__ == "__main__":
    run_service(WorkspaceSettings, build, service="workspace", upgrade=upgrade)
