"""`python -m controlplane`: runs the control plane with the settings of the environment.

`python -m controlplane migrate` brings its database to this version, and ends.
"""

from controlplane.config import Settings
from controlplane.server import build
from controlplane.upgrade import upgrade
from meshkit.process import run_service

if __name__ == "__main__":
    run_service(Settings, build, service="controlplane", upgrade=upgrade)
