"""A real `git daemon`, and repositories to serve with it."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_AUTHOR = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}

_DAEMON = ("git", "daemon", "--inetd", "--export-all", "--enable=receive-pack")


class Checkout:
    """A clone with a bare repository beside it that it pushes to."""

    def __init__(self, folder: Path, served: Path) -> None:
        self.folder = folder
        self.served = served
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main", ".")
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(served))
        self.git("remote", "add", "origin", str(served))

    def git(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], **_AUTHOR},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, subject: str, **files: str) -> str:
        """Commits files, by names with `__` for `/` and `_py` at their ends; the commit's id."""
        for name, text in files.items():
            path = self.folder / name.replace("__", "/").replace("_py", ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def push(self, *refs: str) -> None:
        self.git("push", "--quiet", "--force", "origin", *(refs or ("--all",)))


class GitDaemon:
    """Serves the bare repositories of a folder: each connection gets a `git daemon --inetd`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._children: list[subprocess.Popen[bytes]] = []
        self.connections = 0
        self._thread = threading.Thread(target=self._accept, name="git daemon")
        self._thread.start()

    def url(self, repository: str) -> str:
        return f"git://127.0.0.1:{self._listener.getsockname()[1]}/{repository}"

    def close(self) -> None:
        """Serves nobody any more."""
        # Closing alone would not wake who accepts.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for child in self._children:
            child.kill()
            child.wait()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                child = subprocess.Popen(
                    [*_DAEMON, f"--base-path={self._folder}"],
                    stdin=connection,
                    stdout=connection,
                    stderr=subprocess.DEVNULL,
                    env={"PATH": os.environ["PATH"], **_AUTHOR},
                )
                self._children.append(child)


@contextmanager
def git_daemon(folder: Path) -> Iterator[GitDaemon]:
    folder.mkdir(parents=True, exist_ok=True)
    daemon = GitDaemon(folder)
    try:
        yield daemon
    finally:
        daemon.close()
