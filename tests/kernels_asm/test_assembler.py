import errno
import hashlib
import io
import os
import stat
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from isa_models import Image, Machine
from kernels_asm import Arithmetic, AssemblyError, ConvShape, KernelVariant, LaneTile, toolchain
from kernels_asm import assembler as assembler_module
from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.assembler import (
    Callee,
    assemble,
    assemble_together,
    assemble_variant,
    cache_directory,
    variant_kernel,
)
from tests.kernels_asm.image_content import image_content

SHAPE = ConvShape(4, 4, 32, 4)
BLOCK = ArgumentBlock("f", "here", (Field("input", "const uint8_t *", "bytes"),))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNN_DSE_CACHE", str(tmp_path / "cache"))


def write(tmp_path: Path, text: str) -> Path:
    source = tmp_path / "kernel.S"
    source.write_text(text)
    return source


def test_a_variant_becomes_a_linked_elf_and_is_assembled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    variant = KernelVariant(Arithmetic(8), LaneTile(4, 2))
    first = assemble_variant(variant, SHAPE)
    assert first.elf[:4] == b"\x7fELF"
    monkeypatch.setattr(assembler_module, "_build", lambda *_: pytest.fail("assembled again"))
    assert assemble_variant(variant, SHAPE) == first


def test_a_missing_assembler_is_told_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "_zig", toolchain._zig.__wrapped__)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(AssemblyError, match="ziglang, which assembles kernels, is not installed: pip install ziglang"):
        assemble(write(tmp_path, ".globl f\nf: ret\n"), {}, BLOCK)


def test_the_digest_follows_source_includes_and_parameters(tmp_path: Path) -> None:
    source = write(tmp_path, ".globl f\nf: mov x0, #NUMBER\n ret\n")
    digests = {assemble(source, {"NUMBER": 1}, BLOCK).digest, assemble(source, {"NUMBER": 2}, BLOCK).digest}
    (tmp_path / "more.inc").write_text("// nothing\n")
    digests.add(assemble(source, {"NUMBER": 1}, BLOCK).digest)
    source.write_text(source.read_text() + "// comment\n")
    digests.add(assemble(source, {"NUMBER": 1}, BLOCK).digest)
    assert len(digests) == 4


def test_the_digest_follows_what_makes_images_of_this_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path, ".globl f\nf: ret\n")
    installed = assembler_module._PACKAGE
    monkeypatch.setattr(assembler_module, "_PACKAGE", tmp_path)
    for name in assembler_module._MAKERS:
        (tmp_path / name).write_text((installed / name).read_text())

    def digest() -> str:
        assembler_module._makers.cache_clear()
        return assembler_module.source_digest(source, {}, BLOCK)

    digests = [digest()]
    for name in ("placing.py", "reclipping.py", "side_by_side.py"):
        (tmp_path / name).write_text((tmp_path / name).read_text() + "# changed\n")
        digests.append(digest())
    assembler_module._makers.cache_clear()
    assert len(set(digests)) == 4


def test_a_driver_makes_a_program_that_starts_with_it(tmp_path: Path) -> None:
    source = write(tmp_path, ".globl f\nf: ret\n")
    driver = tmp_path / "driver.S"
    driver.write_text(".globl _start\n_start: bl KERNEL\n")
    alone, program = assemble(source, {}, BLOCK), assemble(source, {}, BLOCK, driver)
    elf = ELFFile(io.BytesIO(program.elf))
    symbols = {symbol.name: symbol["st_value"] for symbol in elf.get_section_by_name(".symtab").iter_symbols()}
    assert elf["e_entry"] == symbols["_start"] != symbols["f"]
    driver.write_text(driver.read_text() + "// comment\n")
    assert len({alone.digest, program.digest, assemble(source, {}, BLOCK, driver).digest}) == 3


def test_a_callee_has_its_own_symbols_and_arguments_and_is_part_of_the_digest(tmp_path: Path) -> None:
    kernel = write(tmp_path, ".globl f\nf: mov x1, #NUMBER\n b CALLEE\n")
    (tmp_path / "called").mkdir()
    own = write(tmp_path / "called", '#include "arguments.inc"\n.globl g\ng: mov x0, #(NUMBER + ARG_SECOND)\n ret\n')
    block = ArgumentBlock("g", "this test", (Field("first", "int64_t", "no"), Field("second", "int64_t", "yes")))
    images = [assemble(kernel, {"NUMBER": 1}, BLOCK, callee=Callee(own, {"NUMBER": n}, block)) for n in (2, 5)]
    assert len({image.digest for image in images}) == 2
    results = [Machine(Image.from_elf(image.elf)).call("f").x0 for image in images]
    assert results == [10, 13]


def test_an_error_in_a_callee_names_it(tmp_path: Path) -> None:
    kernel = write(tmp_path, ".globl f\nf: b CALLEE\n")
    (tmp_path / "called").mkdir()
    with pytest.raises(AssemblyError, match=r"^\S+\.S:1: unrecognized instruction mnemonic: correct the assembly"):
        assemble(kernel, {}, BLOCK, callee=Callee(write(tmp_path / "called", "nonsense\n"), {}, BLOCK))


def test_an_error_in_a_driver_names_the_driver(tmp_path: Path) -> None:
    driver = tmp_path / "driver.S"
    driver.write_text("_start:\n  call KERNEL\n")
    with pytest.raises(AssemblyError, match=r"^driver\.S:2: unrecognized instruction mnemonic"):
        assemble(write(tmp_path, ".globl f\nf: ret\n"), {}, BLOCK, driver)


def test_an_error_is_one_line_with_file_and_line(tmp_path: Path) -> None:
    source = write(tmp_path, ".globl f\nf:\n  uadlap v0.8h, v1.16b\n  ret\n")
    with pytest.raises(AssemblyError) as raised:
        assemble(source, {}, BLOCK)
    assert str(raised.value).startswith("kernel.S:3: unrecognized instruction mnemonic")
    assert "\n" not in str(raised.value)


def test_an_undefined_symbol_is_one_line(tmp_path: Path) -> None:
    source = write(tmp_path, ".globl f\nf:\n  b nowhere\n")
    with pytest.raises(AssemblyError, match=r"kernel\.S: .*undefined symbol: nowhere") as raised:
        assemble(source, {}, BLOCK)
    assert "\n" not in str(raised.value)


def test_a_missing_source_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(AssemblyError, match="No such file"):
        assemble(tmp_path / "absent.S", {}, BLOCK)


@pytest.mark.parametrize("together", [False, True], ids=["alone", "together"])
@pytest.mark.parametrize("kept_bytes", [0, 20, -40])
def test_a_damaged_image_is_made_again_and_replaced(kept_bytes: int, together: bool) -> None:
    kernels = [variant_kernel(KernelVariant(Arithmetic(16), LaneTile(2, pixels)), SHAPE) for pixels in (1, 2)]
    paths = [cache_directory() / f"{kernel.digest()}.elf" for kernel in kernels]
    images = [assemble(kernel.source, kernel.parameters, kernel.arguments).elf for kernel in kernels]
    for path in paths:
        path.write_bytes(path.read_bytes()[:kept_bytes])
    if together:
        assemble_together(kernels)
    else:
        again = [assemble(kernel.source, kernel.parameters, kernel.arguments).elf for kernel in kernels]
        assert [image_content(elf) for elf in again] == [image_content(elf) for elf in images]
    for path, elf in zip(paths, images, strict=True):
        stored = path.read_bytes()
        assert hashlib.sha256(stored[:-32]).digest() == stored[-32:]
        assert image_content(stored[:-32]) == image_content(elf)


def test_an_image_that_can_neither_be_read_nor_replaced_is_made_again() -> None:
    variant = KernelVariant(Arithmetic(8), LaneTile(4, 2))
    kernel = variant_kernel(variant, SHAPE)
    (cache_directory() / f"{kernel.digest()}.elf").mkdir(parents=True)
    assemble_together([kernel, variant_kernel(KernelVariant(Arithmetic(8), LaneTile(4, 1)), SHAPE)])
    assert assemble_variant(variant, SHAPE).elf[:4] == b"\x7fELF"
    assert all(path.suffix == ".elf" for path in cache_directory().iterdir())


def test_a_full_disk_stores_nothing_and_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    variants = [KernelVariant(Arithmetic(8), LaneTile(4, pixels)) for pixels in (1, 2)]
    assemble_together([variant_kernel(variant, SHAPE) for variant in variants])
    assert all(assemble_variant(variant, SHAPE).elf[:4] == b"\x7fELF" for variant in variants)
    assert list(cache_directory().iterdir()) == []


def test_a_cache_folder_that_cannot_be_made_is_done_without() -> None:
    cache_directory().parent.write_text("a file where the folder should be")
    assert assemble_variant(KernelVariant(Arithmetic(8), LaneTile(4, 2)), SHAPE).elf[:4] == b"\x7fELF"


def test_whoever_may_read_what_the_user_writes_may_read_an_image() -> None:
    before = os.umask(0o027)
    try:
        assemble_variant(KernelVariant(Arithmetic(8), LaneTile(4, 2)), SHAPE)
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in cache_directory().iterdir()] == [0o640]


def test_the_cache_may_lie_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BNN_DSE_CACHE", "~/cache")
    assert cache_directory() == tmp_path / "cache" / "kernels"
