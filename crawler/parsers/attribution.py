"""Who an article is attributed to, and who edited it: 「（文章来源：中国经济新闻网）」."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A name may hold brackets and blanks, 「安信国际证券(香港)」; a sentence is none.
_LINE = r"\s*[：:]\s*([^。，,；;！!？?\n]{0,40}?)\s*"
# The brackets come full-width and ASCII.
_MEDIA = re.compile(rf"[（(]\s*(?:文章)?来源{_LINE}[）)]\Z")
_UNBRACKETED = re.compile(rf"文章来源{_LINE}\Z")
_EDITOR = re.compile(rf"[（(]?\s*责任编辑{_LINE}[）)]?\Z")
_CLOSING = re.compile(
    r"(.?)\s*[（(]([^（）()：:，,。；;、\s]{2,16}(?: [^（）()：:，,。；;、\s]{1,12})?)[）)]\s*\Z"
)
_NAME = re.compile(r"[\u4e00-\u9fff]")
# 「（含税）」 may close a sentence too: without a full stop before it, a bracket
# counts as a source only when it is named like a medium.
_MEDIUM = re.compile(r"(社|报|网|网站|新闻|客户端|财经|电视台|杂志|周刊|证券中国|券商中国)\Z")
_STOP = "。！？!?…”’』」；"
_NOT_A_NAME = re.compile(
    r".*(?:记者|编辑|作者|实习生|通讯员)|更新|图|完|全文|未完|待续|附|含税|下称|简称"
    r"|(?:半|一|三)?(?:年|季|中|财|公|快|预|月|周|海)报\Z"
)

#: Tags that are columns of the site, not media.
_COLUMNS = frozenset({"东财滚动新闻"})


def read_media(text: str) -> str | None:
    """The name in a whole attribution line; None when ``text`` is no such line.

    >>> read_media("（文章来源：上海证券报）")
    '上海证券报'
    >>> read_media("图片来源：某公司官网") is None
    True
    """
    found = _MEDIA.match(text) or _UNBRACKETED.match(text)
    return (found[1] or None) if found else None


def read_editor(text: str) -> str | None:
    """The name in 「（责任编辑：…）」; None when ``text`` is no such line."""
    found = _EDITOR.match(text)
    return (found[1] or None) if found else None


def read_closing(text: str) -> str | None:
    """The medium in brackets that closes a plain body or a digest: 「…8.4%。（新华社）」.

    None for brackets that close a text but name no medium, such as 「(含税)」,
    「（完）」 or a security's code.
    """
    end = text[-60:].rstrip()
    found = _CLOSING.search(end) if end.endswith((")", "）")) else None
    if not found:
        return None
    before, name = found.groups()
    if not _NAME.search(name) or _NOT_A_NAME.match(name):
        return None
    return name if (not before or before in _STOP or _MEDIUM.search(name)) else None


def read_source(
    named: str | None, last: str, digest: str | None, tags: Sequence[str] = ()
) -> str | None:
    """The source of an article: as its attribution line ``named`` it, else as its ``last``
    paragraph or its ``digest`` closes, else by its ``tags``.
    """
    return named or read_closing(last) or read_closing(digest or "") or read_tags(tags)


def read_tags(tags: Sequence[str]) -> str | None:
    """The source a post's tags name: 「界面新闻新闻」 → ``界面新闻``.

    The site makes a tag by adding 新闻 to the source, so exactly one is taken off;
    Jekyll splits a source with a space into several tags. None for the tags of
    mixed columns.
    """
    name = " ".join(tags)
    if name in _COLUMNS or not name.endswith("新闻"):
        return None
    return name.removesuffix("新闻") or None
