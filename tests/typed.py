"""`weft` as somebody types it into a shell of these tests: forked where `Commands` listen.

`python -IS typed.py ADDRESS [ARGUMENT ...]` hands its own files, environment, directory and
process group to the command, passes on what it is signalled, and ends as the command does.
"""

import json
import os
import signal
import socket
import sys

_FILES = [0, 1, 2]
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(address: str, *arguments: str) -> int:
    """The command, to its exit code."""
    request = {
        "arguments": arguments,
        "env": dict(os.environ),
        "cwd": os.getcwd(),  # noqa: PTH109 - pathlib takes longer than all of this
        "group": os.getpgrp(),
    }
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [b"\0"], _FILES)
        server.sendall(json.dumps(request).encode())
        server.shutdown(socket.SHUT_WR)
        with server.makefile() as answers:
            pid = int(next(answers))
            for number in _PASSED_ON:
                signal.signal(number, lambda number, _: os.kill(pid, number))
            code = int(next(answers))
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
