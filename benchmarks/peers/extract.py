"""One general extractor over pages; runs in the environment of the peers, without finews.

``extract.py NAME FILE ROUNDS``: the file is JSON, a list of addresses and pages; printed is JSON,
the seconds of each round and what was made of each page.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Read = Callable[[str, str], dict[str, Any]]


def _trafilatura() -> Read:
    import trafilatura

    def read(url: str, html: str) -> dict[str, Any]:
        found = trafilatura.bare_extraction(html, url=url, with_metadata=True)
        if found is None:
            return _told()
        return _told(found.title, found.date, found.author or found.sitename, found.text)

    return read


def _newspaper4k() -> Read:
    import newspaper

    def read(url: str, html: str) -> dict[str, Any]:
        found = newspaper.Article(url, language="zh", fetch_images=False)
        found.download(input_html=html)
        found.parse()
        return _told(found.title, found.publish_date, " ".join(found.authors), found.text)

    return read


def _gne() -> Read:
    from gne import GeneralNewsExtractor

    extractor = GeneralNewsExtractor()

    def read(_url: str, html: str) -> dict[str, Any]:
        found = extractor.extract(html)
        return _told(found["title"], found["publish_time"], found["author"], found["content"])

    return read


def _news_please() -> Read:
    from newsplease import NewsPlease

    def read(url: str, html: str) -> dict[str, Any]:
        found = NewsPlease.from_html(html, url=url, fetch_images=False)
        authors = " ".join(found.authors or ())
        return _told(found.title, found.date_publish, authors, found.maintext)

    return read


def _told(
    title: Any = None, time: Any = None, source: Any = None, text: Any = None
) -> dict[str, Any]:
    values = {"title": title, "time": time, "source": source, "text": text}
    return {name: None if value is None else str(value) for name, value in values.items()}


_EXTRACTORS = {
    "trafilatura": _trafilatura,
    "newspaper4k": _newspaper4k,
    "gne": _gne,
    "news-please": _news_please,
}


def main(name: str, file: str, rounds: str) -> None:
    logging.disable()
    read, taken, articles = _EXTRACTORS[name](), [], []
    pages = json.loads(Path(file).read_text(encoding="utf-8"))
    for _ in range(int(rounds)):
        start = time.perf_counter()
        articles = [read(url, html) for url, html in pages]
        taken.append(time.perf_counter() - start)
    print(json.dumps({"seconds": taken, "articles": articles}))


if __name__ == "__main__":
    main(*sys.argv[1:])
