"""Scrapy with its stock settings and a callback that does nothing: what any spider costs at least.

``stock.py FILE``: the file is JSON, a list of addresses.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import AsyncCrawlerProcess


class Stock(scrapy.Spider):
    name = "stock"
    file = ""

    async def start(self) -> AsyncIterator[Any]:
        for url in json.loads(Path(self.file).read_text(encoding="utf-8")):
            yield scrapy.Request(url)

    def parse(self, response: Any) -> None:
        pass


if __name__ == "__main__":
    process = AsyncCrawlerProcess({"LOG_LEVEL": "INFO"})
    process.crawl(Stock, file=sys.argv[1])
    process.start()
