"""Bytes that the binary layers of a design take: feature maps alive at once, weights, and the code of the kernels.

All three are exact for the kernels that the inner search chose (`dse.tile_search`): their own packings and padding, and
the .text section of each image that the assembler made. The scope is that of latency: what runs in float around the
binary layers is not counted, but a map that a shortcut keeps is, from where the shortcut begins to where it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from elftools.elf.elffile import ELFFile

from dse.design import Design, NetworkChoice
from dse.fused_emulation import random_parameters
from dse.layer_solution import LayerSolution, solve_layers
from dse.layer_tasks import TiledKernel
from dse.layer_work import Convolution, FusedConvolution, LayerWork
from dse.networks import BinaryConv, FeatureMaps, Network
from dse.networks.shortcut import Shortcut
from dse.normalisation_pass import NormalisationPass, normalisation_images, normalisation_parameter_bytes
from dse.tile_search import TileSearch
from kernels_asm import ConvShape
from kernels_asm.assembler import KernelImage, assemble_variant
from kernels_asm.borders import border_corrections
from kernels_asm.fused import assemble_fused
from kernels_asm.packing import activation_bytes, output_bytes, pixel_bytes

_ELEMENT_BYTES = {FeatureMaps.FLOAT32: 4, FeatureMaps.INT8: 1}


@dataclass(frozen=True, slots=True)
class LayerKernels:
    """A binary layer with the kernels that it runs: one with a tile, and perhaps a pass behind it."""

    layer: BinaryConv
    kernel: TiledKernel
    behind: NormalisationPass | None

    @property
    def works(self) -> tuple[LayerWork, ...]:
        """The kernels in the order of their calls."""
        return (self.kernel,) if self.behind is None else (self.kernel, self.behind)


class Footprint:
    """Measures designs of one study.

    Args:
        network_of: Builds the network.
        search: Finds the kernels of layers.

    """

    def __init__(self, network_of: Callable[[NetworkChoice], Network], search: TileSearch) -> None:
        self._network_of = network_of
        self._search = search

    def memory_bytes(self, design: Design) -> int:
        """Return the peak of the bytes of feature maps that are alive at once."""
        network = self._network_of(design.network)
        return max(map(sum, live_buffers(network, self._kernels(network, design))))

    def weight_bytes(self, design: Design) -> int:
        """Return the bytes of packed weights, thresholds and constants of batch norms."""
        network = self._network_of(design.network)
        return sum(_constant_bytes(work) for kernels in self._kernels(network, design) for work in kernels.works)

    def code_bytes(self, design: Design) -> int:
        """Return the bytes of machine code of the distinct kernels."""
        network = self._network_of(design.network)
        return _code_bytes(work for kernels in self._kernels(network, design) for work in kernels.works)

    def _kernels(self, network: Network, design: Design) -> list[LayerKernels]:
        solved = solve_layers(design, network, self._search)
        return [LayerKernels(one.layer, one.solution.kernel, _pass_of(one)) for one in solved]


def _pass_of(solved: LayerSolution) -> NormalisationPass | None:
    work = None if solved.behind is None else solved.behind.work
    return work if isinstance(work, NormalisationPass) else None


def live_buffers(network: Network, kernels: Sequence[LayerKernels]) -> Iterator[list[int]]:
    """Yield, for each step of the binary layers, the bytes of every buffer that is alive then.

    The steps of a layer: its kernel; if sums are pooled, that; if the shortcut is no plain copy, the making of what is
    added; and the pass behind, if there is one. Each kernel writes another buffer than those that it reads.
    """
    element = _ELEMENT_BYTES[network.maps]
    for number, step in enumerate(kernels):
        layer, shortcut = step.layer, step.layer.shortcut
        kept = [_source_bytes(held, element) for held in _held(kernels, number)]
        passing = kept[1:] if shortcut is not None else kept  # what is kept for later layers
        source = kept[:1] if shortcut is not None else []
        bits = activation_bytes(layer.shape)
        written = _written_bytes(network, layer, element)
        added = source if shortcut is None or _is_copy(shortcut) else [layer.outputs * element]
        if isinstance(step.kernel, FusedConvolution):
            if added != source:
                yield [bits, *source, *added, *passing]
            scratch = step.kernel.variant.scratch_bytes(layer.shape)
            yield [bits, scratch, *added, *written, *passing]
            continue
        item = step.kernel.variant.arithmetic.output.dtype.itemsize
        sums = output_bytes(layer.shape, step.kernel.variant.tile.channels, item)
        yield [bits, sums, *source, *passing]
        if layer.sums_pool > 1:
            pooled = layer.outputs * item
            yield [sums, pooled, *source, *passing]
            sums = pooled
        if added != source:
            yield [sums, *source, *added, *passing]
        yield [sums, *added, *written, *passing]


def _held(kernels: Sequence[LayerKernels], number: int) -> list[Shortcut]:
    """Return the shortcuts that are under way at a layer: its own first, then one that ends at the next layer."""
    own, following = kernels[number].layer.shortcut, kernels[number + 1 : number + 2]
    later = [step.layer.shortcut for step in following if step.layer.shortcut and step.layer.shortcut.spans > 1]
    return [shortcut for shortcut in (own, *later) if shortcut is not None]


def _source_bytes(shortcut: Shortcut, element: int) -> int:
    return shortcut.height * shortcut.width * shortcut.channels_in * element


def _is_copy(shortcut: Shortcut) -> bool:
    """Whether the map is added as it is."""
    return shortcut.pool == 1 and shortcut.copies == 1 and not shortcut.projects


def _written_bytes(network: Network, layer: BinaryConv, element: int) -> list[int]:
    """Return the bytes of what a layer puts out: the signs for the next one, and the map unless they are all."""
    following = network.layers[network.layers.index(layer) + 1]
    if isinstance(following, BinaryConv):
        bits = activation_bytes(following.shape)
    else:
        bits = layer.out_height * layer.out_width * pixel_bytes(layer.out_channels)
    if network.maps is FeatureMaps.INT8 and layer.name in network.signs_alone:
        return [bits]
    return [bits, layer.outputs * element]


def _constant_bytes(work: LayerWork) -> int:
    """Return the bytes of what a kernel reads that training has made."""
    match work:
        case Convolution():
            return work.variant.tile.weight_bytes(work.shape)
        case FusedConvolution():
            return work.variant.tile.weight_bytes(work.shape) + _transform_bytes(work) + _border_bytes(work)
        case NormalisationPass():
            return normalisation_parameter_bytes(work)


def _transform_bytes(work: FusedConvolution) -> int:
    transform = work.variant.transform
    parameters = random_parameters(work.shape, transform, np.random.default_rng(0))
    return sum(array.nbytes for array in transform.pack(parameters).values())


def _border_bytes(work: FusedConvolution) -> int:
    if not work.shape.pads_zeros:
        return 0
    borders = border_corrections(_any_filters(work.shape), work.shape, work.variant.tile.channels)
    return borders.corrections.nbytes + borders.rows.nbytes + borders.columns.nbytes


def _any_filters(shape: ConvShape) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
    return np.ones((shape.channels_out, shape.kernel_height, shape.kernel_width, shape.channels_in), np.int8)


def _code_bytes(works: Iterable[LayerWork]) -> int:
    """Return the bytes of code of the works, each image once."""
    images = {image.digest: image for image in map(_image, dict.fromkeys(works))}
    return sum(map(text_bytes, images.values()))


def _image(work: LayerWork) -> KernelImage:
    """Return a kernel's image; of the two forms of a pass, of which the faster is timed, the larger."""
    match work:
        case Convolution():
            return assemble_variant(work.variant, work.shape)
        case FusedConvolution():
            return assemble_fused(work.variant, work.shape)
        case NormalisationPass():
            return max(normalisation_images(work), key=text_bytes)


def text_bytes(image: KernelImage) -> int:
    """Return the size of an image's .text section."""
    return int(ELFFile(BytesIO(image.elf)).get_section_by_name(".text")["sh_size"])
