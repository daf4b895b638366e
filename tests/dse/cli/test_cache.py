"""`dse cache` empties what is kept between runs, and nothing else."""

from __future__ import annotations

import pytest

from dse.cache import EvaluationCache
from dse.cli.main import run
from isa_models.assembling import image_of_text
from kernels_asm import Arithmetic, ConvShape, KernelVariant, LaneTile
from kernels_asm.assembler import assemble_variant


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The default folder, with a record, an image of either kind and files that are none."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("BNN_DSE_CACHE", str(folder))
    EvaluationCache(folder).store("latency", {"layer": 1}, {"cycles": 12})
    image_of_text("f: ret\n")
    assemble_variant(KernelVariant(Arithmetic(8), LaneTile(4, 2)), ConvShape(4, 4, 32, 4))
    (folder / "kernels" / ".left.tmp").write_text("of a process that was killed")
    (folder / "kernels" / "notes.txt").write_text("mine")
    return folder


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("named", [False, True])
def test_the_default_folder_is_cleared_of_records_and_images(named, folder, capsys):
    assert run(["cache", "clear", *(["--cache", str(folder)] if named else [])]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"deleted 1 files from {folder}",
        f"deleted 2 images from {folder / 'kernels'}",
        f"deleted 1 images from {folder / 'images'}",
    ]
    assert files(folder) == ["notes.txt"]


def test_another_folder_is_cleared_of_its_records_alone(folder, tmp_path, capsys):
    before = files(folder)
    other = EvaluationCache(tmp_path / "other")
    other.store("latency", {"layer": 1}, {"cycles": 12})
    assert run(["cache", "clear", "--cache", str(other.directory)]) == 0
    assert capsys.readouterr().out == f"deleted 1 files from {other.directory}\n"
    assert (files(other.directory), files(folder)) == ([], before)


def test_an_empty_cache_is_cleared(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BNN_DSE_CACHE", str(tmp_path / "cache"))
    assert run(["cache", "clear"]) == 0
    assert capsys.readouterr().out.count("deleted 0 ") == 3
