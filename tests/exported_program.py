"""Builds an exported folder with the clang of ziglang and runs its check program under qemu-user."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.qemu import PACKAGE, PLAIN_CPU, PROGRAM
from tests.zig import ZIG

__all__ = ["DOCUMENTED_COMPILER", "PACKAGE", "PROGRAM", "build", "check", "contents"]

COMPILER = f"{ZIG} cc -target aarch64-linux-musl"
DOCUMENTED_COMPILER = f"{sys.executable} -m ziglang cc -target aarch64-linux-musl"
"""As the Makefile of an exported folder proposes."""

SECONDS = 600
"""The first build on a machine builds a C library as well."""


def build(folder: Path, compiler: str = COMPILER) -> None:
    """Build it; a warning is a fault."""
    command = ["make", "-s", f"CC={compiler}", "CFLAGS=-O1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def check(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the check program with one call of each layer a round."""
    command = [PROGRAM, "-cpu", PLAIN_CPU, "build/check", "-r", "1", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file by its path in the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
