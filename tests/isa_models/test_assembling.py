"""The assembler is started once for each content, whatever is kept on disk."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from isa_models import AssemblyError, Image, InputError, assembling
from isa_models.assembling import image_of_objects, image_of_source, image_of_text


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("BNN_DSE_CACHE", str(folder))
    return folder / "images"


@pytest.fixture
def runs(monkeypatch):
    """List of the first arguments with which tools were started."""
    started = []
    original = assembling.subprocess.run

    def run(command, **options):
        started.append(command[1])
        return original(command, **options)

    monkeypatch.setattr(assembling.subprocess, "run", run)
    return started


def write_nothing(arguments, _work):
    """Stand for a tool that starts and writes its file."""
    Path(arguments[-1]).touch()


def first_text(elf):
    return Image.from_elf(elf).program.instructions[0].text


def test_same_text_starts_no_tool_again(runs):
    first = image_of_text("f: mov x0, #1\n")
    assert runs == ["cc", "ld.lld"]
    assert image_of_text("f: mov x0, #1\n") == first
    assert runs == ["cc", "ld.lld"]
    assert first_text(image_of_text("f: mov x0, #2")) == "mov x0, #2"
    assert runs == ["cc", "ld.lld"] * 2


@pytest.mark.parametrize(
    "directive",
    ['.include "part.inc"', '#include "part.inc"', '  # include"part.inc" // which', '.INCLUDE\t"part.inc"'],
)
def test_an_included_file_counts(tmp_path, runs, directive):
    source, part, inner = tmp_path / "code.S", tmp_path / "part.inc", tmp_path / "inner.inc"
    source.write_text(f"f:\n{directive}\n")
    part.write_text('.include "inner.inc"\n')
    for number in (1, 2):
        inner.write_text(f"mov x0, #{number}\n")
        assert first_text(image_of_source(source)) == f"mov x0, #{number}"
        assert first_text(image_of_source(source)) == f"mov x0, #{number}"
    assert len(runs) == 4


def test_a_file_included_by_a_computed_name_is_never_stale(tmp_path, runs):
    source, part = tmp_path / "code.S", tmp_path / "part.inc"
    source.write_text('.macro take name\n.include "\\name"\n.endm\nf:\ntake part.inc\n')
    for number in (1, 2):
        part.write_text(f"mov x0, #{number}\n")
        assert first_text(image_of_source(source)) == f"mov x0, #{number}"
    assert len(runs) == 4


@pytest.mark.parametrize(
    "code",
    [
        "f:\n#include <part.inc>\n",
        '.text; .include "part.inc"\n',
        'f: .include "part.inc"\n',
        '/* c */ .include "part.inc"\n',
        '# /* c */ include "part.inc"\n',
        '#define PART "part.inc"\n#include PART\n',
        'f:; .incbin "part.inc"\n',
        '#import "part.inc"\n',
        '%:include "part.inc"\n',
        '#include_next "part.inc"\n',
        '.byte \\\n#embed "part.inc"\n',
        "#inc\\\nlude <part.inc>\n",
        '#define PASTE(a, b) a##b\n.PASTE(inc, lude) "part.inc"\n',
        '.macro take\n.inc\\()lude "part.inc" ; .endm\ntake\n',
        '.macro take a b\n.\\a\\b "part.inc"\n.endm\ntake inc lude\n',
        '#if __has_include("part.inc")\nnop\n#endif\n',
        '#include "\0"\n',
    ],
)
def test_an_image_is_not_kept_where_what_it_includes_is_not_certain(tmp_path, monkeypatch, cache, code):
    monkeypatch.setattr(assembling, "_run", write_nothing)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "part.inc").write_text("mov x0, #1\n")
    image_of_text("f: ret // not included, .Lturn\\@: ## as it was\n")
    kept = list(cache.glob("*.elf"))
    image_of_text(code)
    assert list(cache.glob("*.elf")) == kept != []


def test_files_that_include_each_other_end_in_the_assembler_s_error(tmp_path):
    (tmp_path / "a.S").write_text('#include "b.inc"\n')
    (tmp_path / "b.inc").write_text('#include "b.inc"\n')
    with pytest.raises(AssemblyError, match=r"b\.inc:1: "):
        image_of_source(tmp_path / "a.S")


def test_a_damaged_image_is_made_again(cache, runs):
    image_of_text("f: ret\n")
    (stored,) = cache.glob("*.elf")
    stored.write_bytes(stored.read_bytes()[:-1] + b"?")
    assert first_text(image_of_text("f: ret\n")) == "ret"
    assert len(runs) == 4


def test_a_cache_that_cannot_be_written_is_done_without(cache):
    cache.parent.mkdir()
    cache.write_text("a file where the folder should be")
    assert first_text(image_of_text("f: nop\n")) == "nop"


def test_a_full_disk_leaves_nothing_behind(cache, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert first_text(image_of_text("f: nop\n")) == "nop"
    assert list(cache.iterdir()) == []


def test_whoever_may_read_what_the_user_writes_may_read_an_image(cache):
    before = os.umask(0o027)
    try:
        image_of_text("f: ret\n")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in cache.iterdir()] == [0o640]


def test_the_cache_may_lie_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BNN_DSE_CACHE", "~/cache")
    assert assembling.cache_directory() == tmp_path / "cache" / "images"


def test_error_in_an_included_file_names_it(tmp_path):
    (tmp_path / "code.S").write_text('f: nop\n.include "part.inc"\n')
    (tmp_path / "part.inc").write_text("nop\nadd x0, v1, x2\n")
    with pytest.raises(AssemblyError, match=r"^part\.inc:2: .*: correct the assembly source$"):
        image_of_source(tmp_path / "code.S")


def test_what_the_linker_refuses(tmp_path):
    path = tmp_path / "code.o"
    path.write_bytes(b"no object")
    with pytest.raises(AssemblyError, match=r"code\.o: cannot be linked: "):
        image_of_objects([path])


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"none\.S: No such file"):
        image_of_source(tmp_path / "none.S")
    with pytest.raises(InputError, match=r"^'a\\x00b\.S': a path cannot hold a null character"):
        image_of_source(Path("a\0b.S"))
