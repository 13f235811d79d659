"""What stands in a body and is not the article: adverts, promotions, the footer for sharing.

Seen in Eastmoney's pages and article JSON (2024 to 2026), so in posts made of them too:

- ``div.ad_context3`` and its kin: a script and 「广告」;
- links to ``acttg.eastmoney.com``, the banner in them (``img.em_handle_adv_close``) with them;
- the promotion above the text, 「在东方财富看资讯行情，选东方财富证券一站式开户交易>>」, with a
  link (``a.toplink``) and without;
- the WeChat footer, 「打开微信，」「点击底部的“发现”」「使用“扫一扫”」「即可将网页分享至朋友圈」,
  in one paragraph or in four;
- the editor's mark between two pages, ``_ueditor_page_break_tag_``.

Words count only as a whole paragraph: a sentence that quotes them is prose.
"""

from __future__ import annotations

import re
from functools import lru_cache

_HOST = "acttg.eastmoney.com"
_CLASS = re.compile(r"(?:\A|\s)(?:ad_context|em_handle_adv_close|toplink(?=\s|\Z))")
_QUOTE = "[\"'“”‘’「」]"
# Each step of the footer may stand alone; what is left over is prose.
_LINE = re.compile(
    r"在东方财富看资讯行情[，,]\s*选东方财富证券一站式开户交易\s*[>＞]*\Z"
    r"|_ueditor_page_break_tag_\Z"
    rf"|(?=.)(?:打开微信[，,]?\s*)?(?:点击底部的{_QUOTE}发现{_QUOTE}[，,]?\s*)?"
    rf"(?:使用{_QUOTE}扫一扫{_QUOTE}[，,]?\s*)?(?:即可将网页分享至朋友圈[。.]?)?\Z"
)
_LONGEST = 80

#: How such a paragraph begins: a look at its first character clears most texts.
FIRST = "在打点使即_"


@lru_cache  # a body knows few classes and asks for each of its elements
def is_class(names: str) -> bool:
    """Does an element with these classes hold an advert, with all in it?

    >>> is_class("ad_context3"), is_class("load_context")
    (True, False)
    """
    return _CLASS.search(names) is not None


def is_link(href: str) -> bool:
    """Does a link lead to an advert?"""
    return _HOST in href


def is_line(text: str) -> bool:
    """Is the whole text of a paragraph (outer blanks off) an advert's, the footer's or a mark?

    >>> is_line("打开微信，"), is_line("打开微信，他愣住了。")
    (True, False)
    """
    return len(text) <= _LONGEST and _LINE.match(text) is not None
