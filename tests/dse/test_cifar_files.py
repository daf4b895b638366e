"""CIFAR-10 and CIFAR-100: layouts, labels, and every kind of damaged file."""

from dataclasses import replace
from pathlib import Path

import pytest

from dse.data import load_dataset
from dse.data.cifar10 import CIFAR10
from dse.data.cifar100 import CIFAR100, CLASS_NAMES
from dse.data.cifar_layout import CifarLayout, load_cifar
from tests.dse.small_datasets import (
    SMALL_CIFAR10,
    SMALL_CIFAR100,
    archive_bytes,
    cifar_files,
    one_line_error,
    write_files,
)

both = pytest.mark.parametrize("layout", [SMALL_CIFAR10, SMALL_CIFAR100], ids=lambda layout: layout.name)


def load(layout: CifarLayout, folder: Path):
    return load_cifar(layout, folder, download=False)


@both
@pytest.mark.parametrize("packing", ["files", "folder", "archive"])
def test_every_packing_reads_as_written(tmp_path, layout, packing):
    files = cifar_files(layout)
    match packing:
        case "files":
            write_files(tmp_path, files)
        case "folder":
            write_files(tmp_path / layout.folder, files)
        case "archive":
            (tmp_path / layout.archive.name).write_bytes(archive_bytes(layout, files))
    dataset = load(layout, tmp_path)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (75, 25, 30)
    assert dataset.input_shape == (3, 32, 32)
    assert dataset.classes == layout.label_limits[-1]
    written = b"".join(files[name] for name in layout.train_files)
    for number in range(100):
        record = written[number * layout.record_bytes : (number + 1) * layout.record_bytes]
        split, index = (dataset.train, number) if number < 75 else (dataset.validation, number - 75)
        assert split.labels[index] == record[len(layout.label_limits) - 1]
        assert split.images[index].tobytes() == record[len(layout.label_limits) :]


@pytest.mark.parametrize("layout", [CIFAR10, CIFAR100], ids=lambda layout: layout.name)
def test_official_sizes(tmp_path, layout):
    for name, records in layout.records.items():
        with (tmp_path / name).open("wb") as stream:
            stream.truncate(records * layout.record_bytes)
    dataset = load_dataset(layout.name, tmp_path)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (45_000, 5_000, 10_000)
    assert dataset.name == layout.name


def test_cifar100_takes_the_fine_label(tmp_path):
    content = bytearray(cifar_files(SMALL_CIFAR100)["test.bin"])
    content[0], content[1] = 19, 99
    write_files(tmp_path, cifar_files(SMALL_CIFAR100) | {"test.bin": bytes(content)})
    dataset = load(SMALL_CIFAR100, tmp_path)
    assert dataset.test.labels[0] == 99
    assert dataset.class_names[99] == "worm"


def test_cifar100_class_names_are_a_hundred_in_order():
    assert len(set(CLASS_NAMES)) == 100
    assert list(CLASS_NAMES) == sorted(CLASS_NAMES)


@both
@pytest.mark.parametrize("change", [-1, 1], ids=["truncated", "too long"])
def test_file_of_wrong_size_is_refused_by_name(tmp_path, layout, change):
    for name, content in cifar_files(layout).items():
        damaged = content[:-1] if change < 0 else content + b"\0"
        folder = write_files(tmp_path / name, cifar_files(layout) | {name: damaged})
        one_line_error(lambda folder=folder: load(layout, folder), f"{name} in", f"{len(damaged)} bytes")


@both
def test_missing_file_is_refused_by_name(tmp_path, layout):
    write_files(tmp_path, cifar_files(layout))
    (tmp_path / layout.test_file).unlink()
    one_line_error(lambda: load(layout, tmp_path), layout.test_file, "no such file")


@pytest.mark.parametrize(
    ("layout", "column", "limit"), [(SMALL_CIFAR10, 0, 10), (SMALL_CIFAR100, 0, 20), (SMALL_CIFAR100, 1, 100)]
)
def test_label_out_of_range_is_refused_by_name_and_record(tmp_path, layout, column, limit):
    content = bytearray(cifar_files(layout)[layout.test_file])
    content[7 * layout.record_bytes + column] = limit
    write_files(tmp_path, cifar_files(layout) | {layout.test_file: bytes(content)})
    one_line_error(lambda: load(layout, tmp_path), layout.test_file, f"label {limit} in record 7", f"0 to {limit - 1}")


@both
def test_files_of_the_other_set_are_refused(tmp_path, layout):
    other = SMALL_CIFAR100 if layout is SMALL_CIFAR10 else SMALL_CIFAR10
    (tmp_path / layout.archive.name).write_bytes(archive_bytes(other, cifar_files(other)))
    one_line_error(lambda: load(layout, tmp_path), layout.archive.name, "not found")


@both
def test_damaged_archives_are_refused_by_name(tmp_path, layout):
    path = tmp_path / layout.archive.name
    whole = archive_bytes(layout, cifar_files(layout))
    damaged = {
        "half": whole[: len(whole) // 2],
        "without its last byte": whole[:-1],
        "flipped in the middle": whole[: len(whole) // 2]
        + bytes([whole[len(whole) // 2] ^ 1])
        + whole[1 + len(whole) // 2 :],
        "flipped checksum": whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:],
        "something else": b"no archive at all",
        "empty": b"",
    }
    for content in damaged.values():
        path.write_bytes(content)
        one_line_error(lambda: load(layout, tmp_path), path.name, "archive")
    files = cifar_files(layout)
    del files[layout.test_file]
    path.write_bytes(archive_bytes(layout, files))
    one_line_error(lambda: load(layout, tmp_path), path.name, layout.test_file)


def test_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("dse.data.cifar_layout._LARGEST_ARCHIVE", 100_000)
    path = tmp_path / SMALL_CIFAR10.archive.name
    path.write_bytes(archive_bytes(SMALL_CIFAR10, cifar_files(SMALL_CIFAR10)))
    one_line_error(lambda: load(SMALL_CIFAR10, tmp_path), path.name, "more than 100000 bytes")


@both
def test_digest_follows_the_content(tmp_path, layout):
    first = load(layout, write_files(tmp_path / "a", cifar_files(layout))).digest
    again = load(layout, write_files(tmp_path / "b" / layout.folder, cifar_files(layout)).parent).digest
    other = load(layout, write_files(tmp_path / "c", cifar_files(layout, seed=1))).digest
    assert first == again != other
    # other names for the same images do not make other data
    assert replace(load(layout, tmp_path / "a"), name="other").digest == first
