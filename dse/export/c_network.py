"""`network.c` and `network.h`: buffers, argument blocks, and a function from an image to logits, step by step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dse.export.binary_layers import POOLED_SUMS, SCRATCH, SUMS, UNUSED_BITS, BinaryLayer, KernelCall, Sums
from dse.export.constants import Constants, identifier
from dse.export.folding import FoldedConvolution, sign_parameters
from dse.export.memory import MapMemory
from dse.export.reference import FloatNumbers, projection_layer
from dse.export.steps import (
    AveragePool,
    Binary,
    Classify,
    Convolve,
    FeatureMap,
    Pack,
    PoolMap,
    Project,
    Rectify,
    Repeat,
    Standardise,
    Step,
    ToBytes,
    ToFloat,
)
from dse.networks import Classifier, FloatConv, Network, PoolKind
from kernels_asm.companions.bit_map import BitMap

VECTOR_MAGIC = 0x76_6E_6E_62
"""First word of a test vector: "bnnv", little-endian."""

_POOLS = {PoolKind.MAX: "max_pool", PoolKind.AVERAGE: "average_pool", PoolKind.BLUR: "blur_pool"}


@dataclass(frozen=True)
class NetworkCode:
    """What `network.c` is written from.

    Attributes:
        network: The network.
        steps: Its steps.
        layers: Its binary layers by name.
        numbers: Of its float layers; entered into `constants` as the code is written.
        constants: Its weights.
        memory: Where maps lie.
        predicted: Cycles of each binary layer by name; 0 or absent where they are not known.
    """

    network: Network
    steps: Sequence[Step]
    layers: Mapping[str, BinaryLayer]
    numbers: FloatNumbers
    constants: Constants
    memory: MapMemory
    predicted: Mapping[str, int]

    def header(self) -> str:
        """Return `network.h`."""
        channels, height, width = self.network.input_shape
        return _HEADER.format(
            height=height,
            width=width,
            channels=channels,
            classes=self.network.classes,
            layers=len(self.layers),
            magic=VECTOR_MAGIC,
        )

    def source(self) -> str:
        """Return `network.c`, and enter the weights of float layers."""
        descriptions: list[str] = []
        body = [line for step in self.steps for line in self._statements(step, descriptions)]
        parts = [
            _TOP,
            "/* ---- memory ---- */\n",
            *self._buffers(),
            "\n/* ---- float layers and packed maps ---- */\n",
            *descriptions,
            *(_packed_map(layer) for layer in self._packing_layers()),
            "\n/* ---- binary layers ---- */\n",
            *(part for layer in self.layers.values() for part in _layer_functions(layer)),
            self._table(),
            _OBSERVED,
            "void network_run(const uint8_t *image, float *logits, network_observer observe, void *context) {",
            *(f"    {line}" for line in body),
            "}",
        ]
        return "\n".join(parts) + "\n"

    # ---- memory ----

    def _buffers(self) -> Iterator[str]:
        for name, size in self.memory.sizes.items():
            held = ", ".join(feature_map.name for feature_map, place in self.memory.places.items() if place == name)
            kind = "int8_t" if name.startswith("int8") else "float"
            yield f"static _Alignas(64) {kind} {name}[{size}]; /* {held} */"
        for layer in self.layers.values():
            size = math.prod(layer.input.shape)
            yield f"static _Alignas(64) uint8_t {layer.input_name}[{size}]; /* packed signs with a border of +1 */"
        yield from self._shared_buffers()

    def _shared_buffers(self) -> Iterator[str]:
        """Yield the buffers that layer after layer uses."""
        all_sums = [layer.sums for layer in self.layers.values() if layer.sums is not None]
        if all_sums:
            size = max(sums.height * sums.width * sums.pitch * sums.element.dtype.itemsize for sums in all_sums)
            yield f"/* what a convolution leaves for the next kernel */\n{_sums_buffer(SUMS, size)}"
        pooled = [layer for layer in self.layers.values() if layer.sums is not None and layer.pools_sums]
        if pooled:
            size = max(layer.step.layer.outputs * 4 for layer in pooled)
            yield _sums_buffer(POOLED_SUMS, size)
        scratch = max((layer.scratch_bytes for layer in self.layers.values()), default=0)
        if scratch:
            yield f"static _Alignas(64) int16_t {SCRATCH}[{scratch // 2}]; /* sums of a tile of a fused kernel */"
        unused = [math.prod(layer.packs.shape) for layer in self.layers.values() if layer.step.packs is None]
        if unused:
            yield f"static _Alignas(64) uint8_t {UNUSED_BITS}[{max(unused)}]; /* signs that nothing reads */"

    def _packing_layers(self) -> Iterator[BinaryLayer]:
        """Yield the layers whose input a step of its own packs."""
        for step in self.steps:
            if isinstance(step, Pack):
                yield self.layers[step.layer.name]

    # ---- the way of an image ----

    def _statements(self, step: Step, descriptions: list[str]) -> Iterator[str]:
        """Yield the statements of a step; adds the descriptions of layers that they point to."""
        match step:
            case Standardise():
                mean = self.constants.add("pixel_mean", self.numbers.pixel_mean)
                scale = self.constants.add("pixel_scale", self.numbers.pixel_scale)
                yield f"standardise(image, {_size(step.output)}, {mean}, {scale}, {self._at(step.output)});"
            case Pack():
                yield self._packing(step)
            case Binary():
                yield f"run_layer({step.number}, observe, context);"
            case Classify():
                descriptions.extend(self._classifier(step.layer, step.input))
                yield f"classify(&{identifier(step.layer.name)}, {self._at(step.input)}, features, logits);"
            case Convolve():
                yield self._convolution(step.layer, step.input, step.output, descriptions)
            case Project():
                yield self._convolution(projection_layer(step), step.input, step.output, descriptions)
            case _:
                yield self._from_map_to_map(step)

    def _from_map_to_map(self, step: PoolMap | AveragePool | Rectify | ToBytes | ToFloat | Repeat) -> str:
        before, after = self._at(step.input), self._at(step.output)
        match step:
            case PoolMap():
                pool = step.layer
                window = f"{pool.kernel_size}, {pool.stride}, {pool.padding}"
                return self._pooling(_POOLS[pool.kind], window, step.input, step.output)
            case AveragePool():
                window = f"{step.window}, {step.window}, 0"
                return self._pooling("average_pool", window, step.input, step.output)
            case Repeat():
                size = 1 if step.input.in_int8 else 4
                return f"repeat_channels({_size(step.input)}, {step.copies}, {size}, {before}, {after});"
            case Rectify():
                return f"rectify({_size(step.input)}, {before}, {after});"
            case ToBytes():
                return f"to_bytes({_size(step.input)}, {step.scale}, {before}, {after});"
            case ToFloat():
                return f"to_float({_size(step.input)}, {step.scale}, {before}, {after});"

    def _at(self, feature_map: FeatureMap) -> str:
        return self.memory.places[feature_map]

    def _pooling(self, function: str, window: str, before: FeatureMap, after: FeatureMap) -> str:
        maps = f"{self._at(before)}, {self._at(after)}"
        return f"{function}({_size(before)}, {_size(after)}, (struct window){{{window}}}, {maps});"

    def _convolution(self, layer: FloatConv, before: FeatureMap, after: FeatureMap, descriptions: list[str]) -> str:
        name = identifier(layer.name)
        descriptions.append(self._convolution_description(name, layer, self.numbers.convolutions[layer.name]))
        return f"convolve(&{name}, {self._at(before)}, {self._at(after)});"

    def _convolution_description(self, name: str, layer: FloatConv, folded: FoldedConvolution) -> str:
        weights = self.constants.add(f"{name}_weights", folded.weights)
        scale = "NULL"
        if folded.affine.scale is not None:
            scale = self.constants.add(f"{name}_scale", folded.affine.scale)
        bias = self.constants.add(f"{name}_bias", folded.affine.bias)
        return _structure(
            "convolution",
            name,
            {
                "input": f"{{{layer.height}, {layer.width}, {layer.channels_in}}}",
                "output": f"{{{layer.out_height}, {layer.out_width}, {layer.channels_out}}}",
                "window": f"{{{layer.kernel_size}, {layer.stride}, {layer.padding}}}",
                "groups": layer.groups,
                "weights": weights,
                "scale": scale,
                "bias": bias,
                "relu": int(layer.relu),
            },
        )

    def _packing(self, step: Pack) -> str:
        name, source = identifier(step.layer.name), self._at(step.input)
        if step.input.in_int8:
            return f"pack_signs_of_bytes(&{name}_packed, {source});"
        norm, threshold = sign_parameters(self.layers[step.layer.name].block)
        scale = bias = limit = "NULL"
        if norm is not None:
            scale = self.constants.add(f"{name}_sign_scale", norm[0])
            bias = self.constants.add(f"{name}_sign_bias", norm[1])
        if threshold is not None:
            limit = self.constants.add(f"{name}_sign_threshold", threshold)
        return f"pack_signs(&{name}_packed, (struct sign_of){{{scale}, {bias}, {limit}}}, {source});"

    def _classifier(self, layer: Classifier, before: FeatureMap) -> Iterator[str]:
        name = identifier(layer.name)
        weights = self.constants.add(f"{name}_weights", self.numbers.classifier_weights)
        bias = self.constants.add(f"{name}_bias", self.numbers.classifier_bias)
        size = (before.size if layer.relu else 0) + (layer.features if layer.grid is not None else 0)
        yield f"static float features[{max(size, 1)}]; /* of the classifier */"
        yield _structure(
            "classifier",
            name,
            {
                "input": f"{{{before.height}, {before.width}, {before.channels}}}",
                "relu": int(layer.relu),
                "grid": layer.grid or 0,
                "classes": layer.classes,
                "weights": weights,
                "bias": bias,
            },
        )

    # ---- what the check program sees ----

    def _table(self) -> str:
        rows = "\n".join(self._row(layer) for layer in self.layers.values())
        return f"const struct binary_layer binary_layers[BINARY_LAYERS] = {{\n{rows}\n}};\n"

    def _row(self, layer: BinaryLayer) -> str:
        step = layer.step
        signs = f"{identifier(step.packs.name)}_input" if step.packs is not None else None
        fields = {
            "name": f'"{step.layer.name}"',
            "run": f"run_{layer.name}",
            "predicted_cycles": self.predicted.get(step.layer.name, 0),
            "input": _packed_view(layer.input_name, layer.input),
            "shortcut": self._map_view(step.shortcut),
            "sums": _sums_view(layer.sums),
            "map": self._map_view(step.output),
            "bits": _packed_view(signs, layer.packs) if signs else _NO_MAP,
        }
        return "    {" + "".join(f"\n        .{name} = {value}," for name, value in fields.items()) + "\n    },"

    def _map_view(self, feature_map: FeatureMap | None) -> str:
        if feature_map is None:
            return _NO_MAP
        element = "INT8" if feature_map.in_int8 else "FLOAT32"
        size = f"{{{feature_map.height}, {feature_map.width}, {feature_map.channels}}}"
        return f"{{{self._at(feature_map)}, {size}, {feature_map.channels}, {element}}}"


_NO_MAP = "{NULL, {0, 0, 0}, 0, NO_MAP}"


def _sums_buffer(name: str, size: int) -> str:
    """Return a buffer of so many bytes for sums of every type."""
    arrays = " ".join(f"int{8 * width}_t int{8 * width}[{-(-size // width)}];" for width in (1, 2, 4))
    return f"static _Alignas(64) union {{ {arrays} }} {name};"


def _size(feature_map: FeatureMap) -> str:
    return f"(struct map_size){{{feature_map.height}, {feature_map.width}, {feature_map.channels}}}"


def _structure(kind: str, name: str, fields: Mapping[str, object]) -> str:
    lines = "".join(f"    .{field} = {value},\n" for field, value in fields.items())
    return f"static const struct {kind} {name} = {{\n{lines}}};\n"


def _packed_map(layer: BinaryLayer) -> str:
    bits = layer.input
    return _structure(
        "packed_map",
        f"{layer.name}_packed",
        {
            "bits": layer.input_name,
            "size": f"{{{bits.height}, {bits.width}, {bits.channels}}}",
            "border": bits.border,
            "pixel_bytes": bits.shape[2],
        },
    )


def _packed_view(name: str, bits: BitMap) -> str:
    height, width, pixel = bits.shape
    return f"{{{name}, {{{height}, {width}, {pixel}}}, {pixel}, BYTES}}"


def _sums_view(sums: Sums | None) -> str:
    if sums is None:
        return _NO_MAP
    size = f"{{{sums.height}, {sums.width}, {sums.channels}}}"
    return f"{{&{SUMS}, {size}, {sums.pitch}, {sums.element.upper()}}}"


def _layer_functions(layer: BinaryLayer) -> Iterator[str]:
    """Yield the argument blocks of a layer's kernels and the function that calls them."""
    for call in layer.calls:
        yield _argument_block(call)
    statements = [f"    {call.kernel.symbol}(&{call.name});" for call in layer.calls]
    if layer.sums is not None and layer.pools_sums:
        statements.insert(1, f"    {_finish_sums(layer, layer.sums)}")
    yield f"/* {layer.step.layer.name}: {layer.step.layer.shape} */"
    yield f"static void run_{layer.name}(void) {{\n" + "\n".join(statements) + "\n}\n"


def _argument_block(call: KernelCall) -> str:
    block = call.kernel.block
    values: dict[str, object] = {}
    for field in block.fields:
        if not field.is_pointer:
            values[field.name] = call.values[field.name]
        elif field.name in call.pointers:
            values[field.name] = call.pointers[field.name]
    lines = "".join(f"    .{name} = {value},\n" for name, value in values.items())
    return f"static const struct {call.kernel.structure} {call.name} = {{\n{lines}}};\n"


def _finish_sums(layer: BinaryLayer, sums: Sums) -> str:
    described, kind = layer.step.layer, sums.element.value
    size = f"(struct map_size){{{described.out_height}, {described.out_width}, {described.out_channels}}}"
    numbers = f"{described.sums_pool}, {int(described.sums_relu)}, {sums.width}, {sums.pitch}"
    return f"finish_sums_{kind}({size}, {numbers}, {SUMS}.{kind}, {POOLED_SUMS}.{kind});"


_HEADER = """\
/* The whole network. */
#ifndef NETWORK_H
#define NETWORK_H

#include "float_layers.h"

#include <stddef.h>
#include <stdint.h>

enum {{
    IMAGE_BYTES = {height} * {width} * {channels}, /* rows, columns, channels; a byte each */
    CLASSES = {classes},
    BINARY_LAYERS = {layers},
    VECTOR_MAGIC = 0x{magic:x}
}};

/* Called in front of each binary layer, by its number from 0, once all that it reads is there. */
typedef void (*network_observer)(int layer, void *context);

/* From an image to a number for each class, of which the largest names the class. `observe` may be NULL. Maps are in
 * static memory: one call at a time. */
void network_run(const uint8_t *image, float *logits, network_observer observe, void *context);

/* ---- binary layers one by one, for checks and timings ---- */

enum element {{ NO_MAP, BYTES, INT8, INT16, INT32, FLOAT32 }};

struct map_view {{
    void *data;
    struct map_size size;
    int pitch; /* elements from one pixel to the next */
    enum element element;
}};

struct binary_layer {{
    const char *name;
    void (*run)(void);          /* from `input` and `shortcut` to all the others */
    long predicted_cycles;      /* 0: not known */
    struct map_view input;      /* packed signs with their border */
    struct map_view shortcut;   /* what is added */
    struct map_view sums;       /* outputs of the convolution; none where it is fused with what follows */
    struct map_view map;        /* the feature map; none where only signs come out */
    struct map_view bits;       /* the next layer's packed input; none where that is no binary one */
}};

extern const struct binary_layer binary_layers[BINARY_LAYERS];

#endif
"""

_TOP = """\
/* See network.h. Made for one network: sizes, arguments and the order of layers are fixed. */
#include "network.h"

#include "kernels.h"
#include "weights.h"

#if !defined(__aarch64__) || defined(__AARCH64EB__)
#error "the kernels are for little-endian AArch64: name such a compiler, as in make CC=aarch64-linux-gnu-gcc"
#endif
"""

_OBSERVED = """\
static void run_layer(int number, network_observer observe, void *context) {
    if (observe)
        observe(number, context);
    binary_layers[number].run();
}
"""
