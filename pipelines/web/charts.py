"""Pictures of figures, as files of SVG: no script, no outside address, light and dark."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pygal
from pygal.style import Style

from pipelines.export import pictures
from pipelines.web.text import clipped, legible

# pygal leaves a finder of an old kind for plugins of its own, of which Python warns later, at the
# first import that finds nothing.
sys.meta_path[:] = [each for each in sys.meta_path if type(each).__name__ != "PluginImportFixer"]

_SVG = "{http://www.w3.org/2000/svg}"
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FONT = '"Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif'
#: Told apart by people who see colours differently (Okabe and Ito), on white and on black.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8f98")
_LIGHT = Style(
    background="transparent",
    plot_background="transparent",
    foreground="#4a5260",
    foreground_strong="#4a5260",
    foreground_subtle="#d5d9df",
    colors=_COLOURS,
    opacity="1",
    transition="0s",
    font_family=_FONT,
    label_font_size=13,
    major_label_font_size=13,
    legend_font_size=13,
)
# Important, since pygal puts the picture's own name before each of its selectors.
_DARK_CHART = (
    "inline:@media (prefers-color-scheme: dark) { text { fill: #aab2bd !important }"
    " .line { stroke: #3a414b !important } }"
)
_DARK_CALENDAR = (
    "<style>@media (prefers-color-scheme: dark){"
    'rect[fill="#ffffff"]{fill:none}text{fill:#aab2bd}'
    '[fill="#ebedf0"]{fill:#2a3038}[fill="#c6dbef"]{fill:#1d3f5e}[fill="#9ecae1"]{fill:#2a6496}'
    '[fill="#4292c6"]{fill:#4a9bd1}[fill="#08519c"]{fill:#9bd0f5}}</style>'
)


def bars(series: Sequence[tuple[str, Sequence[int]]], labels: Sequence[str]) -> str:
    """Stacked bars, one a label; each of the series has a name and a number a label."""
    chart = pygal.StackedBar(
        js=[],
        style=_LIGHT,
        css=["file://style.css", "file://graph.css", _DARK_CHART],
        width=900,
        height=300,
        margin=6,
        spacing=4,
        legend_at_bottom=True,
        legend_at_bottom_columns=4,
        truncate_legend=14,
        show_legend=len(series) > 1,
        x_labels_major_every=max(1, -(-len(labels) // 10)),
        show_minor_x_labels=False,
        show_minor_y_labels=False,
        y_labels_major_count=4,
        min_scale=2,
        formatter=lambda value: f"{value:,.0f}",
        no_data_text="-",
        disable_xml_declaration=True,
    )
    chart.x_labels = [legible(label) for label in labels]
    chart.add_xml_filter(_still)
    for name, numbers in series:
        chart.add(clipped(legible(name), 40), list(numbers))
    return _COMMENT.sub("", chart.render(is_unicode=True))


def calendar(covered: Mapping[date, float], years: Sequence[int]) -> str:
    """The share of the listings that are known to be complete, by day."""
    drawn = pictures.calendar(covered, years)
    return drawn.replace("<title>", f"{_DARK_CALENDAR}<title>", 1)


def policy(svg: str) -> str:
    """The content security policy of a picture: its own style and nothing else."""
    hashes = (
        base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        for style in _STYLE.findall(svg.replace("&gt;", ">").replace("&lt;", "<"))
    )
    styles = " ".join(f"'sha256-{each}'" for each in hashes)
    return f"default-src 'none'; style-src {styles}; frame-ancestors 'none'"


def _still(root: Any) -> Any:
    """Without the script that pygal always writes, and what only that script would use."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{_SVG}script" or "tooltip-overlay" in (child.get("class") or ""):
                parent.remove(child)
            elif child.tag == f"{_SVG}title" and child.text == "Pygal":
                parent.remove(child)
    return root
