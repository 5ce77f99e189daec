"""A worker ahead of need: imports everything while nobody else wants the processor, then waits to be told which it is.

`python -m gateway.spare CHANNEL_FD GRPC_FD HTTP_FD`, started by the supervisor. Imports are most of a worker's start.
"""

import os
import sys
from importlib import import_module

from gateway.processes import die_with_parent, set_name, when_idle


def main(channel_fd: int, grpc_fd: int, http_fd: int) -> int:
    """Wait, then be a worker; return its exit status."""
    die_with_parent()
    set_name("sluice-spare")
    when_idle(lambda: import_module("gateway.worker"))
    from gateway.messages import Waiting, encode
    from gateway.worker import main as work

    os.write(channel_fd, encode(Waiting()))
    return work(channel_fd, grpc_fd, http_fd)


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
