"""`python -m workloads`: serves the workload manager until told to stop."""

from meshkit.process import run_service
from workloads.config import WorkloadsSettings
from workloads.server import build

if __name__ == "__main__":
    run_service(WorkloadsSettings, build, service="workloads")
