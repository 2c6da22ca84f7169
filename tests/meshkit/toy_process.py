"""The toy as a process: `python -m tests.meshkit.toy_process`."""

from pydantic_settings import SettingsConfigDict

from meshkit.config import ServerSettings
from meshkit.process import run_service
from tests.meshkit import toy


class Settings(ServerSettings):
    model_config = SettingsConfigDict(env_prefix="WEFT_TOY_")


if __name__ == "__main__":
    run_service(Settings, toy.build, service="toy")
