"""Pictures of figures, as files of SVG: no script, no outside address, light and dark."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from collections.abc import Sequence
from typing import Any

import pygal
from pygal.style import Style

from pipelines.web.text import clipped, legible

# pygal leaves a finder of an old kind for plugins of its own, of which Python warns later, at the
# first import that finds nothing.
sys.meta_path[:] = [each for each in sys.meta_path if type(each).__name__ != "PluginImportFixer"]

_STYLES = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FONT = '"Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif'
#: Told apart by people who see colours differently (Okabe and Ito), on white and on black.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8f98")
_STYLE = Style(
    background="transparent",
    plot_background="transparent",
    foreground="#4a5260",
    foreground_strong="#4a5260",
    foreground_subtle="#d5d9df",
    guide_stroke_dasharray="0",
    major_guide_stroke_dasharray="0",
    colors=_COLOURS,
    opacity="1",
    transition="0s",
    font_family=_FONT,
    label_font_size=13,
    major_label_font_size=13,
    legend_font_size=13,
)
# Important, since pygal puts the picture's own name before each of its selectors.
_LINES = (
    "inline:.line { stroke: #d5d9df !important }"
    " @media (prefers-color-scheme: dark) { text { fill: #aab2bd !important }"
    " .line { stroke: #3a414b !important } }"
)


def bars(
    series: Sequence[tuple[str, Sequence[int]]], labels: Sequence[str], *, narrow: bool
) -> str:
    """Stacked bars, one a label; each of the series has a name and a number a label.

    ``narrow`` is for phones, where a wide picture would be too small to read.
    """
    stacks = zip(*(numbers for _, numbers in series), strict=True)
    most = max(map(sum, stacks), default=0)
    columns = min(max(len(series), 1), 2 if narrow else 4)
    rows = -(-len(series) // columns) if len(series) > 1 else 0
    cut_off = rows - len(series) // columns if rows else 0
    chart = pygal.StackedBar(
        js=[],
        style=_STYLE,
        css=["file://style.css", "file://graph.css", _LINES],
        width=400 if narrow else 900,
        height=240 + 24 * rows,
        margin=8,
        # pygal rounds the rows of a legend down, and would cut off the last.
        margin_bottom=8 + 24 * cut_off,
        spacing=6,
        legend_at_bottom=True,
        legend_at_bottom_columns=columns,
        truncate_label=-1,
        truncate_legend=12 if narrow else 14,
        show_legend=len(series) > 1,
        x_labels_major_every=max(1, -(-len(labels) // (5 if narrow else 12))),
        show_minor_x_labels=False,
        formatter=lambda value: f"{value:,.0f}",
        no_data_text="-",
        explicit_size=True,
        disable_xml_declaration=True,
    )
    chart.x_labels = [legible(label) for label in labels]
    if series:  # without any pygal cannot place them
        chart.y_labels = scale(most)
    chart.add_xml_filter(_still)
    for name, numbers in series:
        chart.add(clipped(legible(name), 40), list(numbers))
    return _COMMENT.sub("", chart.render(is_unicode=True))


def scale(most: int) -> list[int]:
    """Some round numbers from 0 up to ``most`` or a little more.

    >>> scale(0), scale(7), scale(1300)
    ([0, 1], [0, 2, 4, 6, 8], [0, 500, 1000, 1500])
    """
    power = 10 ** max(len(str(most)) - 2, 0)
    steps = (factor * power for factor in (1, 2, 5, 10, 20, 50))
    step = next(each for each in steps if most <= 4 * each)
    return [step * at for at in range(max(-(-most // step), 1) + 1)]


def policy(svg: str) -> str:
    """The content security policy of a picture: its own style and nothing else."""
    hashes = (
        base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        for style in _STYLES.findall(svg.replace("&gt;", ">").replace("&lt;", "<"))
    )
    styles = " ".join(f"'sha256-{each}'" for each in hashes)
    return f"default-src 'none'; style-src {styles}; frame-ancestors 'none'"


def _still(root: Any) -> Any:
    """Without the script that pygal always writes, and what only that script would use."""
    for parent in list(root.iter()):
        for child in list(parent):
            name = str(child.tag).rpartition("}")[2]
            unused = "tooltip-overlay" in (child.get("class") or "")
            if name == "script" or unused or (name == "title" and child.text == "Pygal"):
                parent.remove(child)
    return root
