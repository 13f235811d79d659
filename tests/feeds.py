"""Made-up feeds in the three shapes, and a server that plays their hosts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import Any

from crawler.demo.server import Answer, Request, serve
from crawler.parsers.dates import SHANGHAI

FEED = "183.136.162.242/web/webapi"
MARKET = "43.240.125.15:1818/information/newmarket/web/webapi"
TEXT = "choicewzp1.eastmoney.com/NewsData/GetNewsText.do"
SHARE = "http://finews.zning.xyz/html_News/NewsShare.html?infoCode="
#: Where each feed is asked for, ``HOST/PATH?QUERY``, and the name of its list.
FEEDS = {
    "102": (f"{FEED}?type=102&count=100&newsid=1", "records"),
    "45": (f"{FEED}?type=45&count=100&newsid=1", "nodeList"),
    "37": (f"{MARKET}?marketType=37&count=100", "record"),
    "38": (f"{MARKET}?marketType=38&count=100", "record"),
    "39": (f"{MARKET}?marketType=39&count=100", "record"),
}
#: When every answer of the server says that it was made: five minutes past midnight.
DATE = "Wed, 31 May 2023 16:05:00 GMT"
NOW = datetime(2023, 6, 1, 0, 5, tzinfo=SHANGHAI)

_JSON = {"Content-Type": "application/json; charset=utf-8"}

Site = dict[str, bytes | Answer]


def code(number: int) -> str:
    return f"NW20230531{number:010}"


def item(feed: str, number: int, **changes: Any) -> dict[str, Any]:
    """An item as ``feed`` writes it; a change to ``...`` takes the field out."""
    title, moment = f"第{number}号消息", f"2023-05-31 10:{number // 60:02}:{number % 60:02}"
    match feed:
        case "102":
            made = {
                "id": code(number)[2:],
                "infoCode": code(number),
                "title": title,
                "digest": f"【{title}】第{number}号摘要。（甲乙社）",
                "showtime": moment,
                "url_w": f"http://finance.eastmoney.com/news/1345,{code(number)[2:]}.html",
            }
        case "45":
            made = {
                "infocode": code(number),
                "title": title,
                "from": "甲乙日报",
                "showtime": moment,
                "simtitle": title,
                "simdigest": "短摘要",
            }
        case _:
            made = {
                "infoCode": code(number),
                "title": title,
                "medianame": "丙丁网",
                "datetime": moment,
            }
    return {name: value for name, value in {**made, **changes}.items() if value is not ...}


def bare(feed: str, number: int) -> dict[str, Any]:
    """An item that has all its fields, and all but its code empty."""
    made = item(feed, number)
    return {name: value if name.lower() == "infocode" else "" for name, value in made.items()}


def body(number: int, *, source: str | None = "戊己报") -> str:
    media = f'<p class="em_media">（文章来源：{source}）</p>' if source else ""
    return f"<p>正文第{number}段，同比增长{number}%。</p>\r\n <p>第二段。</p>{media}"


def answer(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def feed_answer(feed: str, items: Sequence[object]) -> bytes:
    return answer({"total": str(len(items)), FEEDS[feed][1]: items})


def text_path(number: int) -> str:
    return f"{TEXT}?id={code(number)}"


def texts(numbers: Sequence[int]) -> Site:
    """Both forms of each text; only ``content`` has the automatic links."""
    made: Site = {}
    for number in numbers:
        plain = body(number)
        link = '<a class="keytip" data-code="1,600000" href="#">同比</a>'
        linked = plain.replace("同比", link)
        made[text_path(number)] = answer({"content": linked, "text": plain})
    return made


def build(feeds: dict[str, Sequence[object]], numbers: Sequence[int]) -> Site:
    """A site with these items in its feeds, and with the texts of these numbers."""
    lists: Site = {
        path: feed_answer(name, feeds.get(name, ())) for name, (path, _) in FEEDS.items()
    }
    return lists | texts(numbers)


def many(count: int) -> Site:
    """A site of ``count`` articles over the five feeds, every seventh in two of them."""
    names = list(FEEDS)
    feeds: dict[str, list[object]] = {name: [] for name in names}
    for number in range(count):
        feeds[names[number % 5]].append(item(names[number % 5], number))
        if number % 7 == 0:
            other = names[(number + 1) % 5]
            feeds[other].append(item(other, number))
    return build(dict(feeds), range(count))


@dataclass
class Mirror:
    """Answers by ``HOST/PATH?QUERY``; ``log`` holds what was asked for, robots.txt left out."""

    pages: Site
    url: str = ""
    delay: float = 0.0
    log: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def texts(self) -> list[str]:
        """The info codes whose text was asked for."""
        return [path.rpartition("=")[2] for path in self.log if "GetNewsText" in path]

    def answer(self, request: Request) -> Answer:
        path = request.host + request.target
        if path.endswith("/robots.txt"):
            return Answer(status=404)
        with self._lock:
            self.log.append(path)
        time.sleep(self.delay)
        page = self.pages.get(path, Answer(status=404))
        found = Answer(page) if isinstance(page, bytes) else page
        return replace(found, headers={**_JSON, **found.headers})


@contextmanager
def serving(pages: Site) -> Iterator[Mirror]:
    mirror = Mirror(dict(pages))
    with serve(mirror.answer, date=DATE) as mirror.url:
        yield mirror
