"""Which kernel is shown, and what can be changed to try it."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboards import ids
from dashboards.address import Query, address, single
from dashboards.components.panel import panel
from dashboards.kernel_query import CORE, SHAPE, VARIANT, KernelQuery, KernelRequest, Origin
from dse.cli.options import DEFAULT_CORE
from dse.core_fields import numeric_fields
from dse.core_schedule import schedule_of
from dse.results import overridden_name
from isa_models import Core, list_cores, load_core
from kernels_asm.any_variant import AnyVariant, parse_variant
from kernels_asm.fused import FusedVariant
from kernels_asm.tiles import legal_tiles, search_tiles
from kernels_asm.tree_tile import LoopOrder, TreeTile

MOST_OPTIONS = 60
"""Options of a list that are shown at once; typing narrows them down."""


def kernel_form(query: KernelQuery) -> list[Component]:
    """Return heading, choice of the kernel and what can be tried on it."""
    return [
        panel(
            html.H1(_title(query)),
            *_layers(query.origin),
            _choice(query.before.variant, str(query.before.shape), query.before.core),
            dcc.Store(id=ids.KERNEL_BASE, data=_base(query.before)),
        ),
        panel(html.H2("What if"), _what_if(query), *_tried(query)),
    ]


def named_form(asked: Query) -> list[Component]:
    """Return the choice of a kernel where the address names none that can be shown: what it says, to be corrected."""
    core = single(asked, CORE)
    choice = _choice(
        single(asked, VARIANT) or "", single(asked, SHAPE) or "", core if core in list_cores() else DEFAULT_CORE
    )
    return [panel(html.H1("Kernel"), choice, dcc.Store(id=ids.KERNEL_BASE))]


def _base(request: KernelRequest) -> dict[str, Any]:
    """Return what the form begins with, for assets/kernel.js."""
    overrides = [f"{field}={value}" for field, value in request.overrides]
    return {"variant": request.variant, "shape": str(request.shape), "core": request.core, "overrides": overrides}


def _title(query: KernelQuery) -> str:
    core = overridden_name(query.before.core, dict(query.before.overrides))
    if query.origin is None:
        return f"Kernel on {core}"
    return f"Trial {query.origin.trial}, layer {query.origin.layer}, on {core}"


def _layers(origin: Origin | None) -> list[Component]:
    """Return links to the other layers of the trial, and what else this layer runs."""
    if origin is None:
        return []
    links = [
        html.Strong(name)
        if name == origin.layer
        else dcc.Link(name, href=address("/kernel", trial=origin.trial, layer=name))
        for name in origin.layers
    ]
    back = dcc.Link(f"trial {origin.trial}", href=address("/", trial=origin.trial))
    design = dcc.Link("its design", href=address("/design", trial=origin.trial))
    listed = ", ".join(f"{kernel.text}: {kernel.cycles:,} cycles" for kernel in origin.kernels)
    return [
        html.P(["Layers of ", back, " (", design, "):"], className="quiet"),
        html.Div(links, className="links"),
        html.P(f"The trial recorded {listed}. Shown is the convolution.", className="quiet"),
    ]


def _choice(variant: str, shape: str, core: str) -> Component:
    return html.Div(
        [
            dmc.TextInput(id=ids.KERNEL_VARIANT, label="Variant", value=variant, className="wide"),
            dmc.TextInput(id=ids.KERNEL_SHAPE, label="Layer", value=shape),
            dmc.Select(
                id=ids.KERNEL_CORE,
                label="Core",
                data=list(dict.fromkeys([*list_cores(), core])),
                value=core,
                allowDeselect=False,
            ),
            dmc.Button("Show", id=ids.KERNEL_SHOW, variant="default"),
        ],
        className="form",
    )


def _what_if(query: KernelQuery) -> Component:
    request = query.before
    core = load_core(request.core, dict(request.overrides))
    variant = parse_variant(request.variant)
    shown_tile = query.tile or str(variant.tile)
    return html.Div(
        [
            dmc.Select(
                id=ids.WHAT_IF_TILE,
                label="Tile",
                data=_tiles(variant, request, core, shown_tile),
                value=shown_tile,
                searchable=True,
                allowDeselect=False,
                limit=MOST_OPTIONS,
                className="wide",
            ),
            dmc.Select(
                id=ids.WHAT_IF_FIELD,
                label="Field of the core",
                placeholder="such as l2.latency",
                data=[{"value": name, "label": f"{name} = {value:g}"} for name, value in numeric_fields(core).items()],
                searchable=True,
                clearable=True,
                limit=MOST_OPTIONS,
                className="wide",
            ),
            dmc.TextInput(id=ids.WHAT_IF_VALUE, label="New value", value="", className="narrow"),
            dmc.Button("Try", id=ids.WHAT_IF_TRY),
            dcc.Store(id=ids.WHAT_IF_SHOWN_TILE, data=str(variant.tile)),
        ],
        className="form",
    )


def _tiles(variant: AnyVariant, request: KernelRequest, core: Core, shown: str) -> list[str]:
    """Return the tiles of the search with which a variant can compute the layer, and those shown."""
    candidates: Any = search_tiles(schedule_of(core), core.features)
    if isinstance(variant, FusedVariant):
        candidates = (tile for tile in candidates if isinstance(tile, TreeTile) and tile.order is LoopOrder.PIXELS)
    legal = {str(tile) for tile in legal_tiles(variant.arithmetic, request.shape, candidates)}
    return sorted(legal | {str(variant.tile), shown})


def _tried(query: KernelQuery) -> list[Component]:
    """Return what is tried now, each with a link that drops it."""
    if query.after is None:
        return [
            html.P(
                "Choose another tile, or a number of the core's description and a new value: the kernel is run again, "
                "and both results stand side by side.",
                className="quiet small",
            )
        ]
    overrides = [f"{field}={value}" for field, value in query.changes]
    parts: list[Component] = []
    if query.tile is not None:
        parts.append(_chip(f"tile {query.tile}", _address(query, None, overrides)))
    for text in overrides:
        parts.append(_chip(text, _address(query, query.tile, [other for other in overrides if other != text])))
    parts.append(dcc.Link("drop all", href=_address(query, None, [])))
    return [html.Div(parts, className="links chips")]


def _chip(text: str, href: str) -> Component:
    drop = dcc.Link("✕", href=href, title=f"Drop {text}")
    return html.Span([text, " ", drop], className="chip")


def _address(query: KernelQuery, tile: str | None, overrides: list[str]) -> str:
    origin, request = query.origin, query.before
    if origin is not None:
        return address("/kernel", trial=origin.trial, layer=origin.layer, tile=tile, override=overrides)
    return address(
        "/kernel",
        variant=request.variant,
        shape=str(request.shape),
        core=request.core,
        tile=tile,
        override=overrides,
    )
