"""Which pages there are, and the links between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dashboards.pages import cores, design, kernel, space_map, study


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A page: its path, its name in the navigation, and its layout."""

    path: str
    name: str
    layout: Callable[[], Component]


PAGES = (
    PageEntry("/", "Study", study.layout),
    PageEntry("/kernel", "Kernel", kernel.layout),
    PageEntry("/design", "Design", design.layout),
    PageEntry("/cores", "Cores", cores.layout),
    PageEntry("/map", "Map", space_map.layout),
)


def page_of(path: Any) -> PageEntry | None:
    """Return the page of a path, None where there is none."""
    return next((page for page in PAGES if page.path == path), None)


def links(current: PageEntry | None) -> list[Component]:
    """Return a link to every page; the current one is marked."""
    return [html.Span(_link(page), className="here" if page is current else "") for page in PAGES]


def not_found() -> Component:
    """Return what stands in place of a page that there is not."""
    return html.Div([html.H1("There is no such page"), html.P(["Go to the ", dcc.Link("study", href="/"), "."])])


def _link(page: PageEntry) -> Component:
    return dcc.Link(page.name, href=page.path)
