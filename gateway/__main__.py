"""`python -m gateway`: serves until told to stop."""

from gateway.config import GatewaySettings
from gateway.server import build
from meshkit.process import run_service

if __name__ == "__main__":
    run_service(GatewaySettings, build, service="gateway")
