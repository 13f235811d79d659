"""Stories as the site's HTML pages tell them: articles in two layouts, lists of a column."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from crawler.demo.eastmoney.markup import again, paragraph
from crawler.demo.eastmoney.story import Story

Layout = Literal["current", "older"]

# In the first place of the body, in its middle, and at its end.
_PROMOTION = paragraph(
    '<a class="toplink" target="_blank" href="https://acttg.eastmoney.com/pub/made_up_0002">'
    "在东方财富看资讯行情，选东方财富证券一站式开户交易&gt;&gt;</a>"
)
_AD_CONTEXT = (
    '\n<!-- 正文中部 内嵌广告 -->\n<div class="ad_context3"><script>adShow("made-up");</script>'
    "<p>广告</p></div>\n"
)
_WECHAT = "<p>打开微信，</p>\n<p>点击底部的“发现”</p>"
_BLOCK = re.compile(r".*?</(?:p|h3|center|table)>(?:<!--.*?-->)*", re.DOTALL)
# With what comes before it, such as charts: no part of an article is without text.
_TEXT = re.compile(r".*?　　.*?</(?:p|h3)>(?:<!--.*?-->)*", re.DOTALL)
_KEYTIP = re.compile(r'data-code="[0-9]+,([0-9A-Za-z]+)"')
_SHORT_INFO = 40


def article_page(story: Story, layout: Layout = "current", parts: int = 1, part: int = 1) -> str:
    """The page of an article, or one ``part`` of it, with links to its other :func:`split` parts.

    The current layout is that of 2024 and later. The attribution stands in the last part.
    """
    pieces = split(story.body, parts)
    body = _body(story, pieces[part - 1], last=part == len(pieces))
    source = html.escape(story.source)
    if layout == "older":
        body = _KEYTIP.sub(r'data-code="\1"', body.replace("/unify/r/", "/r/"))
        head = f"""<div class="newsContent">
<h1>{html.escape(story.title, quote=False)}</h1>
<div class="Info"><div class="time-source">
<div class="time">{story.shown:%Y年%m月%d日 %H:%M}</div>
<div class="source data-source" data-source="{source}">来源：{source}</div>
</div></div>
<div class="b-review">{html.escape(story.summary, quote=False)}</div>
<div id="ContentBody" class="Body">"""
        title = f"{story.title}_东方财富网"
    else:
        head = f"""<div class="contentwrap">
<div class="title"><h1>{html.escape(story.title, quote=False)}</h1></div>
<div class="infos">
<div class=" item">{story.shown:%Y年%m月%d日 %H:%M}</div>
<div class="item">{source}</div>
</div>
<div class="txtinfos" id="ContentBody" style="margin-top:0;">"""
        title = f"{story.title} _ 东方财富网"
    around = f"{_pager(story, len(pieces))}{_others(story)}"
    content = f"{head}\n<!--文章主体-->\n{body}\n</div>\n{around}</div>"
    return _page(title, story, content)


def split(body: str, parts: int) -> list[str]:
    """A body in so many parts, or in fewer where it has not that many texts."""
    texts = list(_TEXT.finditer(body))
    number = max(min(parts, len(texts)), 1)
    ends = [texts[len(texts) * n // number - 1].end() for n in range(1, number)]
    return [body[a:b] for a, b in pairwise([0, *ends, len(body)])]


def column_page(stories: Sequence[Story], number: int, stem: str) -> str:
    """Page ``number`` of a column's list, ``cgnjj.html``, ``cgnjj_2.html``; no time has a year."""
    items = "\n".join(_item(index, story) for index, story in enumerate(stories))
    links = "".join(
        f'<a href="{stem}{_suffix(other)}.html">{other}</a>'
        for other in range(max(number - 1, 1), number + 2)
    )
    return f"""<!DOCTYPE html>
<html>
<head><meta charset="utf-8" /><title>栏目 _ 东方财富网</title></head>
<body>
<div class="repeatList">
<ul id="newsListContent">
{items}
</ul>
</div>
<div class="PageBox" id="pagerNoDiv">{links}</div>
</body>
</html>
"""


def _body(story: Story, body: str, *, last: bool) -> str:
    first = _BLOCK.match(body)
    middle = first.end() if first else 0
    pieces = [_PROMOTION, body[:middle], _AD_CONTEXT, body[middle:]]
    if last and story.source:
        # The automatic links do not spare the attribution.
        name = html.escape(story.source).replace("证券", again("90.BK9401", "证券"), 1)
        pieces.append(f'<p class="em_media">（文章来源：{name}）</p>')
    if last and story.editor:
        pieces.append(f'<p class="res-edit">（责任编辑：{story.editor}）</p>')
    return "".join((*pieces, "\n", _WECHAT))


def _pager(story: Story, parts: int) -> str:
    if parts == 1:
        return ""
    links = (f'<a href="{story.code}{_suffix(n)}.html">{n}</a>' for n in range(1, parts + 1))
    return f'<div class="Page">{"".join(links)}</div>\n'


def _others(story: Story) -> str:
    if not story.original_title:
        return ""
    title = html.escape(story.original_title, quote=False)
    return f'<div class="zwothers"><div class="sublab">原标题：{title}</div></div>\n'


def _item(index: int, story: Story) -> str:
    title = html.escape(story.title)
    summary = html.escape(story.summary)
    short = summary if len(summary) <= _SHORT_INFO else f"{summary[:_SHORT_INFO]}..."
    picture = (
        f'<div class="image"><a href="{story.url}" target="_blank">'
        f'<img src="{story.image.removeprefix("https:")}" /></a></div>\n'
    )
    return f"""<li id="newsTr{index}">
{picture if index % 3 else ""}<div class="text">
<p class="title">
<a href="{story.url}" target="_blank">
{title}
</a>
</p>
<p class="info" title="{summary}">
{short}
</p>
<p class="time">
{story.shown:%m月%d日 %H:%M}
</p>
</div>
</li>"""


def _suffix(number: int) -> str:
    return "" if number == 1 else f"_{number}"


def _page(title: str, story: Story, content: str) -> str:
    return f"""<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8" />
<title>{html.escape(title, quote=False)}</title>
<meta name="keywords" content="{html.escape(",".join(story.keywords))}" />
<meta name="description" content="{html.escape(story.summary)}" />
</head>
<body>
<div class="topnav"><a href="/a/ccjdd.html">导读</a> <a href="/a/cgnjj.html">国内</a></div>
{content}
<div class="footer">郑重声明：本页为演示而编，所述均为虚构。</div>
</body>
</html>
"""
