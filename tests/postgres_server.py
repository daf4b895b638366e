"""A PostgreSQL server of a test's own: a temporary folder, a socket in it, and no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER_USER = "postgres"
"""Who runs the server where the tests run as root, which PostgreSQL refuses; Debian's package makes this user."""


@contextmanager
def postgres_server(binaries: Path) -> Iterator[str]:
    """Run a server and yield the URL of its database, which any user may open.

    Args:
        binaries: Folder of initdb and pg_ctl.

    """
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a short path: that of a socket may have 107 characters
    user = SERVER_USER if os.getuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)

    def call(program: str, *arguments: str) -> None:
        command = [str(binaries / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)

    call("initdb", "--auth=trust", "--username=dse", "--encoding=UTF8", "--no-sync")
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c max_connections=200"
    call("pg_ctl", "-w", "-s", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://dse@/postgres?host={folder}"
    finally:
        call("pg_ctl", "-w", "-s", "-m", "immediate", "stop")
        shutil.rmtree(folder)
