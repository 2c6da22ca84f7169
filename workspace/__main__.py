"""`python -m workspace`: runs a workspace server with the settings of the environment."""

from meshkit.process import run_service
from workspace.config import WorkspaceSettings
from workspace.server import build

if __name__ == "__main__":
    run_service(WorkspaceSettings, build, service="workspace")
