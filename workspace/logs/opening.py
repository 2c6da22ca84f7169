"""Where logs are kept, as the settings say it."""

from meshkit.engines import is_replicated
from meshkit.objects import open_store
from workspace.config import WorkspaceSettings
from workspace.logs.archive import ArchivingBackend
from workspace.logs.files import FileBackend

KeptLogs = FileBackend | ArchivingBackend


def open_logs(settings: WorkspaceSettings) -> KeptLogs:
    """Logs in files; where an object store is named, sealed ones in that too."""
    files = FileBackend.open(settings.log_directory, is_shared=is_replicated(settings.database))
    if not settings.archives_logs:
        return files
    objects = open_store(settings.log_store_uri, settings.log_store_options)
    return ArchivingBackend(files, objects, settings.log_directory)
