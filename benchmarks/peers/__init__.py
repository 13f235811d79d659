"""What people use instead of finews, in an environment of its own, which ``make bench-peers``
makes: general extractors of articles, and the spider that one writes first.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.figures import ROUNDS, Figure, Peer, Spread
from benchmarks.generate.stories import Truth

PYTHON = Path(os.environ.get("PEERS", ".venv-peers"), "bin", "python").absolute()
HERE = Path(__file__).parent
EXTRACTORS = ("trafilatura", "newspaper4k", "gne", "news-please")
_PAGES = 100  # the slowest takes 20 ms for each, and more
_DIGITS = re.compile("[0-9]+")
_BLANK = re.compile(r"\s+")


def are_there() -> bool:
    return PYTHON.exists()


def beside(figure: Figure, pages: Sequence[tuple[str, bytes]], truths: Sequence[Truth]) -> Figure:
    """A figure of pages a second with those of the extractors over some of the same pages."""
    if not are_there():
        return figure
    found = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "pages.json")
        some = [(url, body.decode()) for url, body in pages[:_PAGES]]
        file.write_text(json.dumps(some), encoding="utf-8")
        for name in EXTRACTORS:
            told = _run("extract.py", name, str(file), str(ROUNDS))
            rate = Spread.of([len(some) / each for each in told["seconds"]])
            times = figure.figure.median / rate.median
            found.append(Peer(name, rate, times, _right(told["articles"], truths)))
    return replace(figure, peers=(*figure.peers, *found))


def _run(script: str, *args: str) -> Any:
    command = [str(PYTHON), "-W", "ignore", str(HERE / script), *args]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(done.stdout)


def _right(articles: Sequence[dict[str, str | None]], truths: Iterable[Truth]) -> str:
    """How many have each field right, white space aside: times to the minute; of the text all
    paragraphs, in whatever order; ``clean`` is one with no more than a twentieth beside it.
    """
    right = dict.fromkeys(("title", "time", "source", "text", "clean"), 0)
    for article, true in zip(articles, truths, strict=False):
        time = f"{true.published_at:%Y%m%d%H%M}" if true.published_at else ""
        read, text = _bare(article["text"]), [_bare(each) for each in true.said]
        whole = all(each in read for each in text)
        right["title"] += _bare(article["title"]) == _bare(true.title)
        right["time"] += "".join(_DIGITS.findall(article["time"] or "")).startswith(time)
        right["source"] += _bare(article["source"]) == _bare(true.source)
        right["text"] += whole
        right["clean"] += whole and len(read) <= 1.05 * sum(map(len, text))
    told = ", ".join(f"{name} {number}" for name, number in right.items())
    return f"{told} of {len(articles)}"


def _bare(text: str | None) -> str:
    return _BLANK.sub("", text or "")
