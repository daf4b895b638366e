"""Image folders: what is read, how it is split, and every kind of file and folder that is refused."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dse.data import dataset_names, image_file, image_folder, load_dataset
from dse.data.image_file import MAX_PIXELS, read_image
from tests.dse.small_datasets import one_line_error, smooth_image, write_image_folder


def load(folder: Path, name: str = "image-folder"):
    return load_dataset(name, folder)


def encoded(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


# ---------------------------------------------------------------- splits


def test_classes_are_the_folders_in_order_and_images_keep_theirs(tmp_path):
    dataset = load(write_image_folder(tmp_path, ("zebra", "Ant", "bee")))
    assert dataset.class_names == ("Ant", "bee", "zebra")
    assert dataset.input_shape == (3, 32, 32)
    assert dataset.test.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    expected = read_image(tmp_path / "test" / "bee" / "001.png", 32)
    assert np.array_equal(dataset.test.images[4], expected)


@pytest.mark.parametrize(
    ("count", "kept"), [(2, [1]), (9, [8]), (10, [9]), (19, [9]), (20, [9, 19]), (25, [9, 19])], ids=str
)
def test_every_tenth_training_image_of_a_class_is_for_validation(tmp_path, count, kept):
    dataset = load(write_image_folder(tmp_path, counts={"train": count, "test": 1}))
    assert np.bincount(dataset.validation.labels).tolist() == [len(kept)] * 2
    assert np.bincount(dataset.train.labels).tolist() == [count - len(kept)] * 2
    validation = [read_image(tmp_path / "train" / "cat" / f"{number:03}.png", 32) for number in kept]
    assert np.array_equal(dataset.validation.images[: len(kept)], validation)
    seen = {image.tobytes() for image in dataset.train.images}
    assert len(seen) == 2 * (count - len(kept))
    assert not seen & {image.tobytes() for image in dataset.validation.images}


def test_val_is_the_test_split_where_there_is_no_test(tmp_path):
    with_test = load(write_image_folder(tmp_path / "a"))
    (tmp_path / "a" / "test").rename(tmp_path / "a" / "val")
    assert load(tmp_path / "a").digest == with_test.digest


def test_val_is_for_validation_where_there_is_a_test(tmp_path):
    dataset = load(write_image_folder(tmp_path, counts={"train": 12, "val": 4, "test": 3}))
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [24, 8, 6]
    assert np.array_equal(dataset.validation.images[0], read_image(tmp_path / "val" / "cat" / "000.png", 32))


def test_digest_follows_the_pixels_and_not_the_place(tmp_path):
    first = write_image_folder(tmp_path / "a")
    second = write_image_folder(tmp_path / "b")
    assert load(first).digest == load(second).digest
    Image.fromarray(smooth_image(999)).save(second / "train" / "dog" / "004.png")
    assert load(first).digest != load(second).digest
    assert load(first).digest != load(first, "image-folder-48").digest


def test_hidden_files_are_passed_over_and_links_followed(tmp_path):
    folder = write_image_folder(tmp_path / "a")
    expected = load(folder).digest
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "train" / ".cache").mkdir()
    (folder / "train" / "cat" / "._000.png").write_bytes(b"x")
    (folder / "README.txt").write_text("beside the splits")
    (folder / "train" / "cat" / "003.png").rename(tmp_path / "elsewhere")
    (folder / "train" / "cat" / "003.png").symlink_to(tmp_path / "elsewhere")
    (folder / "test").rename(tmp_path / "held out")
    (folder / "test").symlink_to(tmp_path / "held out")
    assert load(folder).digest == expected


# ---------------------------------------------------------------- decoding


def test_size_is_part_of_the_name(tmp_path):
    folder = write_image_folder(tmp_path)
    names = [name for name in dataset_names() if name.startswith("image-folder-")]
    assert len(names) == len(image_folder.SIZES) == 7
    for name in names:
        size = int(name.rpartition("-")[2])
        dataset = load(folder, name)
        assert (dataset.name, dataset.input_shape) == (name, (3, size, size))


@pytest.mark.parametrize(("height", "width"), [(32, 60), (60, 32), (32, 33), (32, 32)])
def test_image_of_that_size_is_cut_at_its_centre(tmp_path, height, width):
    pixels = smooth_image(1, height, width)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    top, left = (height - 32) // 2, (width - 32) // 2
    if (width - 32) % 2:  # the centre lies between two pixels: the mean of both cuts, rounded
        both = np.stack([pixels[:, :32], pixels[:, 1:]]).astype(int)
        assert np.abs(read_image(tmp_path / "a.png", 32).transpose(1, 2, 0) - both.mean(axis=0)).max() <= 1
    else:
        expected = pixels[top : top + 32, left : left + 32].transpose(2, 0, 1)
        assert np.array_equal(read_image(tmp_path / "a.png", 32), expected)


def test_shrinking_averages_and_does_not_pick(tmp_path):
    checkered = np.indices((128, 128)).sum(axis=0) % 2 * 255
    Image.fromarray(checkered.astype(np.uint8)).save(tmp_path / "a.png")
    assert np.abs(read_image(tmp_path / "a.png", 32).astype(int) - 128).max() <= 2


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_png_of_any_8_bit_mode_becomes_rgb(tmp_path, mode):
    picture = Image.fromarray(smooth_image(2, 32, 32)).convert(mode)
    picture.save(tmp_path / "a.png")
    expected = np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
    assert np.array_equal(read_image(tmp_path / "a.png", 32), expected)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("suffix", ["jpg", "JPEG"])
def test_jpeg_is_near_what_was_saved(tmp_path, mode, suffix):
    picture = Image.fromarray(smooth_image(3, 32, 32)).convert(mode)
    path = tmp_path / f"a.{suffix}"
    picture.save(path, "JPEG", quality=95)
    difference = read_image(path, 32).astype(int) - np.asarray(picture.convert("RGB"), int).transpose(2, 0, 1)
    assert np.abs(difference).mean() < 4


# ---------------------------------------------------------------- damaged files


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_truncated_image_is_refused_by_name_wherever_it_ends(tmp_path, kind):
    whole = encoded(Image.fromarray(smooth_image(4)), kind)
    path = tmp_path / "a.png"
    # the last four bytes of a PNG are the checksum of its empty last part: no pixel is missing without them
    ends = [*range(0, len(whole) - 20, 37), *range(len(whole) - 20, len(whole) - (4 if kind == "PNG" else 0))]
    assert len(ends) > 40
    for end in ends:
        path.write_bytes(whole[:end])
        one_line_error(lambda: read_image(path, 32), "a.png", "replace or remove it")


def test_flipped_bit_in_a_png_is_refused_by_name_wherever_it_is(tmp_path):
    whole = encoded(Image.fromarray(smooth_image(5)), "PNG")
    path = tmp_path / "a.png"
    for position in range(0, len(whole) - 12, 13):  # the last 12 bytes only say that this is the end
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 16]) + whole[position + 1 :])
        one_line_error(lambda: read_image(path, 32), "a.png", "replace or remove it")


@pytest.mark.parametrize("content", [b"", b"not an image\n", b"GIF89a" + bytes(50), b"\x89PNG\r\n\x1a\n"], ids=repr)
def test_file_that_is_no_image_is_refused_by_name(tmp_path, content):
    folder = write_image_folder(tmp_path)
    (folder / "train" / "dog" / "005.png").write_bytes(content)
    one_line_error(lambda: load(folder), str(folder / "train" / "dog" / "005.png"))


def test_bmp_under_the_name_of_a_png_is_refused(tmp_path):
    Image.fromarray(smooth_image(6)).save(tmp_path / "a.png", "BMP")
    one_line_error(lambda: read_image(tmp_path / "a.png", 32), "a.png", "neither PNG nor JPEG")


def png_of(width: int, height: int) -> bytes:
    """Return a valid PNG of black 1-bit pixels, made without holding them in memory."""
    rows = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    data = b"".join(rows.compress(row) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    chunks = (struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("width", [10_001, 30_000, 100_000])  # our limit, Pillow's warning and its error lie between
def test_decompression_bomb_is_refused_by_name(tmp_path, width):
    assert width * 5_000 > MAX_PIXELS
    (tmp_path / "a.png").write_bytes(png_of(width, 5_000))
    one_line_error(lambda: read_image(tmp_path / "a.png", 32), "a.png", "pixels")


def test_limit_of_pixels_is_the_largest_that_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(image_file, "MAX_PIXELS", 40 * 50)
    Image.fromarray(smooth_image(7, 40, 50)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png", 32).any()
    Image.fromarray(smooth_image(7, 41, 50)).save(tmp_path / "a.png")
    one_line_error(lambda: read_image(tmp_path / "a.png", 32), "a.png", "50x41 pixels")


def test_text_bomb_in_a_png_is_refused_by_name(tmp_path):
    whole = encoded(Image.fromarray(smooth_image(7)), "PNG")
    text = b"comment\0\0" + zlib.compress(bytes(2_000_000))
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))
    (tmp_path / "a.png").write_bytes(whole[:33] + chunk + whole[33:])  # after the header
    one_line_error(lambda: read_image(tmp_path / "a.png", 32), "a.png")


def test_16_bit_png_is_refused_by_name(tmp_path):
    Image.fromarray(np.full((40, 40), 1000, np.uint16)).save(tmp_path / "a.png")
    one_line_error(lambda: read_image(tmp_path / "a.png", 32), "a.png", "I;16", "8-bit")


# ---------------------------------------------------------------- folders that are not what they should be


def test_missing_folders_are_named(tmp_path):
    one_line_error(lambda: load(tmp_path / "nowhere"), str(tmp_path / "nowhere" / "train"), "no such folder")
    write_image_folder(tmp_path, counts={"train": 12})
    one_line_error(lambda: load(tmp_path), str(tmp_path / "test"), "no such folder", "test/CLASS")


def test_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "train").write_text("no folder")
    one_line_error(lambda: load(tmp_path), str(tmp_path / "train"), "cannot be read as a folder")


@pytest.mark.parametrize("classes", [(), ("cat",)])
def test_fewer_than_two_classes_are_refused(tmp_path, classes):
    (tmp_path / "train").mkdir()
    for name in classes:
        (tmp_path / "train" / name).mkdir()
    one_line_error(lambda: load(tmp_path), str(tmp_path / "train"), f"{len(classes)} class folders", "at least two")


@pytest.mark.parametrize("split", ["test", "val"])
def test_class_that_only_one_split_has_is_named(tmp_path, split):
    folder = write_image_folder(tmp_path, ("ant", "bee", "cat"), {"train": 3, split: 1})
    (folder / split / "bee").rename(folder / split / "wasp")
    one_line_error(lambda: load(folder), str(folder / split / "bee"), "is missing")
    (folder / split / "bee").mkdir()
    one_line_error(lambda: load(folder), str(folder / split / "wasp"), "not among those of train")


@pytest.mark.parametrize("split", ["train", "test"])
def test_empty_class_is_named(tmp_path, split):
    folder = write_image_folder(tmp_path)
    for path in (folder / split / "dog").iterdir():
        path.unlink()
    one_line_error(lambda: load(folder), str(folder / split / "dog"), "no images")


def test_class_of_one_training_image_is_refused_unless_validation_has_its_own(tmp_path):
    one_line_error(lambda: load(write_image_folder(tmp_path / "a", counts={"train": 1, "test": 1})), "cat: 1 image")
    dataset = load(write_image_folder(tmp_path / "b", counts={"train": 1, "val": 1, "test": 1}))
    assert len(dataset.train) == 2


def test_file_beside_the_class_folders_is_named(tmp_path):
    folder = write_image_folder(tmp_path)
    (folder / "train" / "labels.csv").write_text("a,b\n")
    (folder / "test" / "labels.csv").write_text("a,b\n")
    one_line_error(lambda: load(folder), str(folder / "train" / "labels.csv"), "cannot be read as a folder")


def test_other_things_in_a_class_folder_are_named(tmp_path):
    folder = write_image_folder(tmp_path)
    stray = folder / "train" / "cat" / "notes.txt"
    stray.write_text("these are my notes\n")
    one_line_error(lambda: load(folder), str(stray), "neither PNG nor JPEG by its name")
    stray.unlink()
    for number, make in enumerate((Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nothing"))):
        path = folder / "train" / "cat" / f"x{number}.png"
        make(path)
        one_line_error(lambda: load(folder), f"x{number}.png", "no regular file")
        path.rmdir() if path.is_dir() else path.unlink()


def test_more_than_the_limit_of_memory_is_refused_before_anything_is_decoded(tmp_path, monkeypatch):
    folder = write_image_folder(tmp_path)
    needed = 30 * 3 * 64 * 64
    monkeypatch.setattr(image_folder, "MAX_BYTES", needed)
    load(folder, "image-folder-64")
    monkeypatch.setattr(image_folder, "MAX_BYTES", needed - 1)
    monkeypatch.setattr(image_folder, "read_image", None)
    one_line_error(lambda: load(folder, "image-folder-64"), str(folder), f"30 images of 64x64 need {needed} bytes")


def test_nothing_is_fetched(tmp_path):
    one_line_error(lambda: load_dataset("image-folder-64", tmp_path, download=True), "image-folder-64", "--download")
