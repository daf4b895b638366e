"""Assembles snippets of AArch64 code for the tests of this folder."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from isa_models import Image
from tests.zig import ZIG

Assemble = Callable[..., bytes]


class Assembler:
    """Assembles and links with ziglang; each distinct source once a session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._done: dict[tuple[str, tuple[str, ...]], bytes] = {}

    def __call__(self, body: str, *options: str, link: bool = True) -> bytes:
        """Return the ELF file of `.globl f; f: body`; the source is called snippet.S, its body starts in line 5."""
        key = (body, (*options, str(link)))
        if key not in self._done:
            self._done[key] = self._assemble(body, options, link=link)
        return self._done[key]

    def _assemble(self, body: str, options: tuple[str, ...], *, link: bool) -> bytes:
        source, output = self._folder / "snippet.S", self._folder / "snippet.elf"
        source.write_text(f".text\n.globl f\n.type f,%function\nf:\n{body}\n")
        linking = ("-nostdlib", "-static", "-Wl,-e,f") if link else ("-c",)
        command = [ZIG, "cc", "-target", "aarch64-linux-musl", "-mcpu=generic+dotprod+lse+rcpc_immo"]
        command += [*linking, "-g", *options, source.name, "-o", str(output)]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return output.read_bytes()


@pytest.fixture(scope="session")
def assemble(tmp_path_factory: pytest.TempPathFactory) -> Assembler:
    return Assembler(tmp_path_factory.mktemp("snippets"))


@pytest.fixture(scope="session")
def image_of(assemble: Assembler) -> Callable[[str], Image]:
    images: dict[str, Image] = {}

    def build(body: str) -> Image:
        if body not in images:
            images[body] = Image.from_elf(assemble(body))
        return images[body]

    return build
