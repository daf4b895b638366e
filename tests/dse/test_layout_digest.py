"""The digest of what places a kernel's data follows the files that it is asked for."""

from pathlib import Path

import pytest

import kernels_asm
from dse import emulation, fused_emulation
from dse.layout_digest import layout_digest


def test_it_follows_the_content_of_each_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels_asm, "__file__", str(tmp_path / "__init__.py"))
    digests = []
    for content in ("1", "2"):
        (tmp_path / "packing.py").write_text(content)
        layout_digest.cache_clear()
        digests.append(layout_digest("pack*.py"))
    layout_digest.cache_clear()
    assert digests[0] != digests[1]


def test_files_of_every_kernel_are_there() -> None:
    kinds = {layout_digest(*module._LAYOUT_SOURCES) for module in (emulation, fused_emulation)}
    assert len(kinds) == 2


def test_a_file_that_is_gone_is_told() -> None:
    with pytest.raises(AssertionError, match=r"no file of kernels_asm matches gone\.py"):
        layout_digest("packing.py", "gone.py")
