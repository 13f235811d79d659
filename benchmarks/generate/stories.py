"""Made-up stories by the thousand, in all shapes of bodies that Eastmoney's editor leaves."""

from __future__ import annotations

import html
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from benchmarks.generate.words import sentence as _say
from crawler.demo.eastmoney import markup
from crawler.demo.eastmoney.story import Story
from crawler.parsers.dates import SHANGHAI

#: When the newest of the made-up stories was shown.
NEWEST = datetime(2026, 9, 19, 1, 9, 8, tzinfo=SHANGHAI)
#: How far from its place by time a story may stand in a list.
DISPLACED = 30
FAST = "102"

_END = re.compile(r"</(?:p|h3|center|table)>")
_TAG = re.compile(r"<[^>]*>")
_SOURCES = ("远山日报", "近水证券报", "高峰财经网", "平湖客户端", "海汇证券(香港)")
_NAMES = {
    "0.009871": "晨星锂业",
    "1.609002": "远洲航运",
    "116.09794": "青禾酒馆",
    "106.XQJT": "星云网络",
}


def make_stories(count: int, columns: Sequence[str], seed: int = 1) -> list[Story]:
    """``count`` stories in all shapes, the same for the same seed, in the order of the lists.

    Every third stands in two of the ``columns``, every tenth in three, every fourth in the
    7×24 news too. The order is nearly that of time; the third in it is years old, and stands
    in all columns.
    """
    chance = random.Random(seed)
    shown, made = NEWEST, []
    for number in range(count - 1):
        spread = 3 if number % 10 == 0 else 2 if number % 3 == 0 else 1
        own = chance.sample(columns, min(spread, len(columns)))
        fast = (FAST,) if number % 4 == 0 else ()
        made.append(make_story(number, shown, own, fast))
        shown -= timedelta(seconds=chance.randint(5, 300))
    place = {story.code: at + chance.uniform(0, DISPLACED) for at, story in enumerate(made)}
    made.sort(key=lambda story: place[story.code])
    old = make_story(count - 1, datetime(2019, 6, 13, 9, 19, tzinfo=SHANGHAI), columns, ())
    return [*made[:2], old, *made[2:]]


def make_story(
    number: int, shown: datetime, columns: Sequence[str], fast: Sequence[str], *, more: int = 0
) -> Story:
    """Story ``number``, by which alone it differs; its code may tell the day before. ``more``
    paragraphs of plain text stand behind what makes its shape.
    """
    chance = random.Random(number)
    title, summary = f"{_say(chance, 5)} 第{number}条", f"{_say(chance, 20)}。"
    security = chance.choice(list(_NAMES))
    shape = _SHAPES[number % len(_SHAPES)]
    hongkong = shape is _pictured
    return Story(
        code=f"{shown - timedelta(hours=4):%Y%m%d}92{number:08}",
        title=title,
        shown=shown,
        body="".join((*shape(chance, security), *_plain(chance, security, more))),
        source="" if shape is _headlines else chance.choice(_SOURCES),
        summary=f"【{title}】{summary}" if number % 5 == 0 else summary,
        columns=tuple(columns),
        fast=tuple(fast),
        keywords=(_say(chance, 1), _say(chance, 2)),
        author="林一舟" if hongkong else "",
        editor=str(chance.randint(1, 99)),
        stocks=(security,) if shape in (_charted, _unpaired) else (),
        original_title=_say(chance, 8) if hongkong else "",
        host="hk.eastmoney.com" if hongkong else "finance.eastmoney.com",
    )


@dataclass(frozen=True, slots=True)
class Truth:
    """What a reader learns from an article; what is not there is None. ``said`` is its text by
    paragraphs, cells by tab and line.
    """

    info_code: str
    title: str | None
    published_at: datetime | None
    source: str | None
    digest: str | None
    said: tuple[str, ...]


def truth(story: Story) -> Truth:
    """Of a story as Eastmoney tells it."""
    return Truth(
        info_code=f"NW{story.code}",
        title=story.title,
        published_at=story.shown,
        source=story.source or None,
        digest=story.summary.rpartition("】")[2],
        said=said(story.body),
    )


def said(body: str) -> tuple[str, ...]:
    """The text of a body. No parser is at work: what the shapes put together is taken apart."""
    for unseen in (markup.SPACER, markup.ADVERT, markup.START, markup.END):
        body = body.replace(unseen, "")
    body = body.replace("</td><td>", "\t").replace("</th><th>", "\t").replace("</tr><tr>", "\n")
    blocks = _TAG.sub("", _END.sub("\x00", body)).split("\x00")
    texts = (html.unescape(each).strip(" \u3000\r\n") for each in blocks)
    return tuple(filter(None, texts))


def _plain(chance: random.Random, _: str, count: int = 3) -> Iterator[str]:
    for _turn in range(count):
        yield markup.paragraph(_say(chance, chance.randint(20, 60)), "。")


def _charted(chance: random.Random, security: str) -> Iterator[str]:
    name = _NAMES[security]
    yield f"{markup.SPACER}{markup.START}{markup.chart(security)}{markup.END}"
    yield markup.paragraph(markup.stock(security, name), _say(chance, 20), "。<br />")
    yield markup.paragraph(_say(chance, 5), markup.again(security, name), _say(chance, 9), "。")
    yield markup.ADVERT


def _unpaired(chance: random.Random, security: str) -> Iterator[str]:
    yield f"{markup.START}{markup.START}{markup.chart(security)}{markup.SPACER}"
    yield markup.paragraph(_say(chance, 30), "。", markup.START)
    yield f"{markup.chart('100.BHX')}{markup.END}{markup.END}{markup.END}"
    yield markup.paragraph(_say(chance, 30), "。")


def _tabled(chance: random.Random, _: str) -> Iterator[str]:
    yield markup.paragraph(_say(chance, 20), "：")
    rows = [(f"0098{number}", _say(chance, 2)) for number in range(70, 75)]
    yield markup.table(("证券代码", "证券简称"), rows)


def _headlines(chance: random.Random, _: str) -> Iterator[str]:
    for number in range(2):
        yield markup.heading(_say(chance, 2))
        yield markup.headline(f"202609189100000{number}01", _say(chance, 8))
        yield markup.paragraph(_say(chance, 20), "。")
    yield markup.ADVERT


def _pictured(chance: random.Random, _: str) -> Iterator[str]:
    yield markup.paragraph(_say(chance, 25), "。")
    yield markup.picture(f"93{chance.randrange(10**17):017}", 800, 555, "Image")
    yield markup.centred(f"图片来源：{_say(chance, 2)}官网")


_SHAPES: tuple[Callable[[random.Random, str], Iterator[str]], ...] = (
    _plain, _charted, _tabled, _headlines, _pictured, _unpaired,
)  # fmt: skip
