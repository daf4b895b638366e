"""Datasets: splits, identity, and every kind of damaged or missing file."""

import gzip
import hashlib
import http.server
import shutil
import struct
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dse.data import dataset_names, load_dataset
from dse.data import fashion_mnist_files as fashion
from dse.data.cifar_layout import load_cifar
from dse.data.download import RemoteFile, fetch
from dse.data.draw_fashion_mnist import draw
from dse.data.files import Checksum
from dse.data.idx import format_idx, parse_idx
from tests.dse.small_datasets import SMALL_CIFAR10, SMALL_CIFAR100, archive_bytes, cifar_files, one_line_error

EMBEDDED = load_dataset()


# ---------------------------------------------------------------- the embedded subset


@pytest.mark.parametrize(("split", "per_class"), [("train", 1000), ("validation", 350), ("test", 350)])
def test_embedded_splits_are_class_balanced(split, per_class):
    part = getattr(EMBEDDED, split)
    assert part.images.shape == (10 * per_class, 1, 28, 28)
    assert part.images.dtype == np.uint8
    assert np.bincount(part.labels, minlength=10).tolist() == [per_class] * 10


def test_embedded_splits_share_no_image():
    # Fashion-MNIST itself holds a few identical images, but none of those drawn here
    seen = [{image.tobytes() for image in split.images} for split in (EMBEDDED.train, EMBEDDED.validation)]
    assert not seen[0] & seen[1]


def test_embedded_files_fit_their_budget():
    assert sum(path.stat().st_size for path in fashion.EMBEDDED_FOLDER.iterdir()) <= 8_000_000


@pytest.mark.parametrize("name", sorted(fashion.EMBEDDED_SHA256))
def test_one_flipped_bit_in_an_embedded_file_is_refused_by_name(tmp_path, name):
    folder = shutil.copytree(fashion.EMBEDDED_FOLDER, tmp_path / "copy")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    one_line_error(lambda: fashion.load_embedded(folder), name, "sha256", "replace")


def test_missing_embedded_file_is_refused_by_name(tmp_path):
    folder = shutil.copytree(fashion.EMBEDDED_FOLDER, tmp_path / "copy")
    (folder / "test-labels-idx1-ubyte.gz").unlink()
    one_line_error(lambda: fashion.load_embedded(folder), "test-labels-idx1-ubyte.gz", "no such file", "install")


def test_digest_follows_the_content():
    changed = EMBEDDED.train.images.copy()
    changed[0, 0, 0, 0] ^= 1
    assert load_dataset().digest == EMBEDDED.digest
    assert replace(EMBEDDED, train=replace(EMBEDDED.train, images=changed)).digest != EMBEDDED.digest


def test_draw_is_disjoint_balanced_and_repeatable():
    labels = np.random.default_rng(1).integers(0, 10, 2000)
    first, second = draw(labels, (30, 20), np.random.default_rng(5))
    assert not set(first) & set(second)
    assert np.bincount(labels[first]).tolist() == [30] * 10
    assert np.bincount(labels[second]).tolist() == [20] * 10
    again = draw(labels, (30, 20), np.random.default_rng(5))
    assert all(np.array_equal(a, b) for a, b in zip((first, second), again, strict=True))


# ---------------------------------------------------------------- names and folders


def test_unknown_dataset_names_the_near_one():
    one_line_error(lambda: load_dataset("fasion-mnist"), "did you mean fashion-mnist?", *dataset_names())


def test_embedded_dataset_takes_no_folder(tmp_path):
    one_line_error(lambda: load_dataset(data_dir=tmp_path), "ships with this package")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("fashion-mnist", "train-images-idx3-ubyte.gz"),
        ("cifar10", "cifar-10-binary.tar.gz"),
        ("cifar100", "cifar-100-binary.tar.gz"),
    ],
)
def test_empty_folder_says_which_file_is_missing(tmp_path, name, file):
    one_line_error(lambda: load_dataset(name, tmp_path), file, "no such file", "download")


# ---------------------------------------------------------------- official Fashion-MNIST files


@pytest.fixture
def official(tmp_path, monkeypatch) -> Path:
    """Four small files under the official names, taken for whole: 5,040 training and 20 test images."""
    rng = np.random.default_rng(2)
    counts = {"train": 5_040, "t10k": 20}
    monkeypatch.setattr(fashion, "OFFICIAL_IMAGES", counts)
    for part, count in counts.items():
        images, labels = fashion.file_names(part)
        (tmp_path / images).write_bytes(format_idx(rng.integers(0, 256, (count, 28, 28), np.uint8)))
        (tmp_path / labels).write_bytes(format_idx(rng.integers(0, 10, count, np.uint8)))
    return tmp_path


def test_official_files_keep_the_last_5000_for_validation(official):
    dataset = load_dataset("fashion-mnist", official)
    images, labels = fashion.file_names("train")
    everything = parse_idx((official / images).read_bytes(), official / images, 3)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (40, 5000, 20)
    assert np.array_equal(dataset.validation.images[:, 0], everything[40:])
    all_labels = parse_idx((official / labels).read_bytes(), official / labels, 1)
    assert np.array_equal(dataset.train.labels, all_labels[:40])


def damage_truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def damage_flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def damage_other_format(path: Path) -> None:
    path.write_bytes(b"<!DOCTYPE html><title>404</title>")


def damage_short_data(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))


def damage_wrong_type(path: Path) -> None:
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[2] = 0x0D  # float32
    path.write_bytes(gzip.compress(bytes(raw)))


@pytest.mark.parametrize("file", ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
@pytest.mark.parametrize(
    "damage", [damage_truncate, damage_flip, damage_other_format, damage_short_data, damage_wrong_type, Path.unlink]
)
def test_damaged_idx_file_is_refused_by_name(official, file, damage):
    damage(official / file)
    one_line_error(lambda: load_dataset("fashion-mnist", official), file)


@pytest.mark.parametrize("part", ["train", "t10k"])
def test_files_of_fewer_images_are_refused_by_name(official, part):
    images, labels = fashion.file_names(part)
    count = fashion.OFFICIAL_IMAGES[part] - 1
    (official / images).write_bytes(format_idx(np.zeros((count, 28, 28), np.uint8)))
    (official / labels).write_bytes(format_idx(np.zeros(count, np.uint8)))
    one_line_error(lambda: load_dataset("fashion-mnist", official), images, f"{count} images, expected {count + 1}")


def test_header_of_more_than_64_bits_can_count_is_refused(tmp_path):
    content = gzip.compress(bytes((0, 0, 8, 3)) + struct.pack(">3I", 2**31, 2**31, 4))
    one_line_error(lambda: parse_idx(content, tmp_path / "images.gz", 3), "images.gz", "holds 0 bytes of data")


def test_labels_of_other_images_are_refused(official):
    _, labels = fashion.file_names("t10k")
    (official / labels).write_bytes(format_idx(np.zeros(19, np.uint8)))
    one_line_error(lambda: load_dataset("fashion-mnist", official), labels, "19 labels for 20 images")


def test_label_out_of_range_is_refused(official):
    _, labels = fashion.file_names("t10k")
    (official / labels).write_bytes(format_idx(np.full(20, 10, np.uint8)))
    one_line_error(lambda: load_dataset("fashion-mnist", official), labels, "label 10")


# ---------------------------------------------------------------- downloads


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `files`; /elsewhere/ redirects off this machine over plain http."""

    files: dict[str, bytes]

    def do_GET(self):
        name = self.path.rsplit("/", 1)[-1]
        if self.path.startswith("/elsewhere/"):
            self.send_response(302)
            self.send_header("Location", "http://example.invalid/" + name)
            self.end_headers()
        elif name in self.files:
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.files[name])))
            self.end_headers()
            self.wfile.write(self.files[name])
        else:
            self.send_error(404)

    def log_message(self, *args):
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, dict[str, bytes]]]:
    """An HTTP server on this machine: its address, and the files that it serves."""
    files: dict[str, bytes] = {}
    handler = type("FilesHandler", (Handler,), {"files": files})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}", files
        httpd.shutdown()


def remote(content: bytes, *urls: str, max_bytes: int = 1 << 20) -> RemoteFile:
    return RemoteFile("data.bin", urls, Checksum("sha256", hashlib.sha256(content).hexdigest()), max_bytes)


def test_download_falls_back_to_the_second_mirror(tmp_path, server):
    address, files = server
    files["data.bin"] = b"content"
    path = fetch(remote(b"content", f"{address}/missing", f"{address}/data.bin"), tmp_path / "new")
    assert path.read_bytes() == b"content"
    assert [entry.name for entry in path.parent.iterdir()] == ["data.bin"]


def test_download_with_another_checksum_leaves_nothing_behind(tmp_path, server):
    address, files = server
    files["data.bin"] = b"something else"
    one_line_error(lambda: fetch(remote(b"content", f"{address}/data.bin"), tmp_path), "data.bin", "sha256")
    assert not list(tmp_path.iterdir())


def test_download_stops_at_its_size_limit(tmp_path, server):
    address, files = server
    files["data.bin"] = b"x" * 5000
    file = remote(files["data.bin"], f"{address}/data.bin", max_bytes=4999)
    one_line_error(lambda: fetch(file, tmp_path), "larger than the 4999 bytes")


def test_download_refuses_plain_http(tmp_path, server):
    address, _ = server
    one_line_error(lambda: fetch(remote(b"", "http://example.invalid/data.bin"), tmp_path), "https only")
    one_line_error(lambda: fetch(remote(b"", f"{address}/elsewhere/data.bin"), tmp_path), "https only")
    one_line_error(lambda: fetch(remote(b"", "file:///etc/hostname"), tmp_path), "https only")


def test_failed_network_is_one_line_with_advice(tmp_path):
    file = remote(b"", "http://127.0.0.1:9/data.bin")  # the discard port: nothing listens
    one_line_error(lambda: fetch(file, tmp_path), "data.bin cannot be downloaded", "127.0.0.1", "data folder")


def test_unwritable_target_is_one_line(tmp_path, server):
    address, files = server
    files["data.bin"] = b"content"
    (tmp_path / "file").write_text("in the way")
    one_line_error(lambda: fetch(remote(b"content", f"{address}/data.bin"), tmp_path / "file"), "cannot be written")


def test_fashion_mnist_is_downloaded_once(official, tmp_path_factory, server, monkeypatch):
    address, files = server
    files.update({path.name: path.read_bytes() for path in official.iterdir()})
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(fashion, "OFFICIAL_SHA256", hashes)
    folder = tmp_path_factory.mktemp("downloads")
    first = fashion.load_official(folder, download=True, mirrors=(address + "/",))
    files.clear()
    again = fashion.load_official(folder, download=True, mirrors=(address + "/",))
    assert first.digest == again.digest == load_dataset("fashion-mnist", official).digest


@pytest.mark.parametrize("layout", [SMALL_CIFAR10, SMALL_CIFAR100], ids=lambda layout: layout.name)
def test_cifar_is_downloaded_and_read_from_the_archive(tmp_path, server, layout):
    address, files = server
    content = archive_bytes(layout, cifar_files(layout))
    files[layout.archive.name] = content
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    url = f"{address}/{layout.archive.name}"
    there = replace(layout, archive=replace(layout.archive, urls=(url,), checksum=Checksum("md5", md5)))
    assert len(load_cifar(there, tmp_path, download=True).test) == 30
    assert [entry.name for entry in tmp_path.iterdir()] == [layout.archive.name]
    files.clear()
    assert len(load_cifar(there, tmp_path, download=True).test) == 30


@pytest.mark.parametrize("layout", [SMALL_CIFAR10, SMALL_CIFAR100], ids=lambda layout: layout.name)
def test_cifar_archive_with_another_checksum_is_not_kept(tmp_path, server, layout):
    address, files = server
    files[layout.archive.name] = archive_bytes(layout, cifar_files(layout))
    there = replace(layout, archive=replace(layout.archive, urls=(f"{address}/{layout.archive.name}",)))
    one_line_error(lambda: load_cifar(there, tmp_path, download=True), layout.archive.name, "md5")
    assert not list(tmp_path.iterdir())
