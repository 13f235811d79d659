"""The spider that one writes first: BeautifulSoup, and a commit for each row.

``naive.py DATABASE LISTINGS``: the listings are a JSON list of addresses.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from typing import Any

import scrapy
from bs4 import BeautifulSoup
from scrapy.crawler import AsyncCrawlerProcess


class Naive(scrapy.Spider):
    name = "naive"

    def __init__(self, file: str, listings: str) -> None:
        super().__init__()
        self.start_urls = json.loads(listings)
        self._db = sqlite3.connect(file)
        self._db.execute("CREATE TABLE articles (url TEXT PRIMARY KEY, title, time, source, text)")

    def parse(self, response: Any) -> Iterator[scrapy.Request]:
        page: Any = BeautifulSoup(response.text, "lxml")
        for link in page.select("section li a[href]"):
            host = "/".join(response.url.split("/")[:4])
            yield scrapy.Request(host + link["href"], self.article)

    def article(self, response: Any) -> None:
        section: Any = BeautifulSoup(response.text, "lxml").select_one("div.wrapper section")
        title = section.h1.get_text() if section.h1 else ""
        time = section.small.get_text()
        media = section.select_one("p.em_media")
        text = "\n".join(each.get_text() for each in section.find_all("p"))
        values = (response.url, title, time, media and media.get_text(), text)
        self._db.execute("INSERT OR IGNORE INTO articles VALUES (?, ?, ?, ?, ?)", values)
        self._db.commit()


if __name__ == "__main__":
    process = AsyncCrawlerProcess({"LOG_LEVEL": "INFO"})
    process.crawl(Naive, *sys.argv[1:])
    process.start()
