"""Random changes to training images: what is usual, exactly what is computed, and how often."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from dse.augmentation import Augmentation, augment, augment_as, draw_crops, usual_augmentation
from dse.data import dataset_names
from dse.errors import UsageError
from tests.dse.small_datasets import smooth_image


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth_batch(count: int, height: int = 24, width: int = 24) -> torch.Tensor:
    return torch.tensor(np.stack([smooth_image(seed, height, width).transpose(2, 0, 1) for seed in range(count)]))


# ---------------------------------------------------------------- what is usual


def test_every_data_set_has_a_usual_augmentation():
    usual = {name: usual_augmentation(name) for name in dataset_names()}
    assert usual["cifar10"] == usual["cifar100"] == Augmentation(flip=True, shift=4)
    assert usual["fashion-mnist"] == usual["fashion-mnist-small"] == Augmentation(flip=True, shift=2)
    assert usual["image-folder"] == usual["image-folder-224"] == Augmentation(flip=True, crop_scale=(0.08, 1.0))
    with pytest.raises(ValueError, match="svhn"):
        usual_augmentation("svhn")


@pytest.mark.parametrize(
    "fields", [{"shift": -1}, *({"crop_scale": s} for s in ((0.0, 1.0), (0.5, 0.4), (0.5, 1.1), (math.nan, 1.0)))]
)
def test_fields_out_of_range_are_refused(fields):
    with pytest.raises(UsageError, match=next(iter(fields))):
        Augmentation(**fields)


# ---------------------------------------------------------------- all of them


@pytest.mark.parametrize(
    "augmentation",
    [*dict.fromkeys(map(usual_augmentation, dataset_names())), Augmentation(shift=3, crop_scale=(0.3, 0.3))],
    ids=str,
)
def test_same_generator_gives_same_images_and_the_batch_stays(augmentation):
    images = smooth_batch(16, 20, 28)
    before = images.clone()
    first, again = (augment_as(augmentation, images, seeded(3)) for _ in range(2))
    other = augment_as(augmentation, images, seeded(4))
    assert torch.equal(images, before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert (first.shape, first.dtype) == (images.shape, torch.uint8)


def test_none_is_the_default():
    images = smooth_batch(4)
    assert torch.equal(augment_as(Augmentation(), images, seeded()), images)


def test_without_a_crop_it_is_augment():
    images = smooth_batch(8)
    described = augment_as(Augmentation(flip=True, shift=2), images, seeded(5))
    assert torch.equal(described, augment(images, flip=True, shift=2, random=seeded(5)))


# ---------------------------------------------------------------- flip and shift


def test_shifts_and_flips_are_uniform_independent_and_reach_their_ends():
    """A single bright pixel off the centre tells shift and flip of each image; chi squared of the outcomes."""
    count, shift = 32_400, 4
    images = torch.zeros(count, 1, 17, 17, dtype=torch.uint8)
    images[:, 0, 8, 4] = 255  # mirrored it is in column 12; neither leaves the image
    changed = augment_as(Augmentation(flip=True, shift=shift), images, seeded(1))
    assert (changed.flatten(1).sum(1) == 255).all()
    position = changed.flatten(1).argmax(1)
    row, column = position // 17 - 8, position % 17
    # column 8 is reached by both, and that only at one end: -4 of the mirrored, +4 of the plain
    outcomes = torch.bincount((row + shift) * 17 + column, minlength=9 * 17).view(9, 17)
    expected = torch.full((9, 17), count / 162)
    expected[:, 8] *= 2
    chi_squared = ((outcomes - expected) ** 2 / expected).sum().item()
    assert chi_squared < 220  # 152 degrees of freedom: mean 152, deviation 17
    assert (outcomes > 0).all()


def test_shift_brings_in_black_and_loses_what_leaves():
    images = torch.full((400, 3, 6, 5), 200, dtype=torch.uint8)
    changed = augment_as(Augmentation(shift=2), images, seeded(2))
    lit = changed[:, 0] > 0
    heights, widths = lit.any(2).sum(1), lit.any(1).sum(1)
    assert set(heights.tolist()) == {4, 5, 6}
    assert set(widths.tolist()) == {3, 4, 5}
    assert torch.equal(lit.sum((1, 2)), heights * widths)
    assert set(changed.unique().tolist()) == {0, 200}


# ---------------------------------------------------------------- crops


def test_crops_have_the_area_and_aspect_that_were_asked_for_and_fit():
    height, width, top, left = draw_crops(50_000, (0.08, 1.0), seeded(6)).double()
    area, aspect = height * width, width / height
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 1 + 1e-6).all()
    assert (left + width <= 1 + 1e-6).all()
    assert 0.08 - 1e-6 <= area.min() < 0.081
    assert 0.999 < area.max() <= 1
    edges = torch.linspace(0.08, 1.0, 11).double()
    assert torch.histogram(area, edges).hist.sub(5_000).abs().max() < 350  # five deviations of 67
    assert 0.75 - 1e-5 <= aspect.min() < 0.751
    assert 1.332 < aspect.max() <= 4 / 3 + 1e-5
    free = area < 0.75  # there the whole range of aspects fits
    assert torch.histogram(aspect[free].log(), bins=8).hist.div(free.sum() / 8).sub(1).abs().max() < 0.08
    for place, side in ((top, height), (left, width)):
        room = side < 0.9
        assert torch.histogram((place / (1 - side))[room], bins=8).hist.div(room.sum() / 8).sub(1).abs().max() < 0.08


def test_crop_of_everything_changes_no_pixel():
    images = torch.randint(0, 256, (64, 3, 17, 24), generator=seeded(7), dtype=torch.uint8)
    assert torch.equal(augment_as(Augmentation(crop_scale=(1.0, 1.0)), images, seeded(8)), images)


@pytest.mark.parametrize(("height", "width"), [(24, 24), (20, 31)])
def test_crops_are_those_that_pillow_resizes(height, width):
    images = smooth_batch(40, height, width)
    changed = augment_as(Augmentation(crop_scale=(0.08, 1.0)), images, seeded(9))
    crops = draw_crops(40, (0.08, 1.0), seeded(9)).double().T.tolist()
    for image, result, (h, w, top, left) in zip(images, changed, crops, strict=True):
        box = (left * width, top * height, min((left + w) * width, width), min((top + h) * height, height))
        picture = Image.fromarray(image.permute(1, 2, 0).numpy())
        expected = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR, box=box), int)
        assert np.abs(result.permute(1, 2, 0).numpy() - expected).max() <= 2


def test_a_crop_does_not_depend_on_the_other_images():
    images = smooth_batch(8)
    augmentation = usual_augmentation("image-folder")
    others = images.clone()
    others[1:] = 0
    first, second = (augment_as(augmentation, batch, seeded(10)) for batch in (images, others))
    assert torch.equal(first[0], second[0])
    same = images[:1].expand(8, -1, -1, -1)
    assert len({image.numpy().tobytes() for image in augment_as(augmentation, same, seeded(11))}) == 8
