"""Is this article fit to be stored? What cannot be trusted becomes a failure with a reason."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from crawler.errors import Untrusted
from crawler.items import Article, Failure

# A server's clock may run a little fast; ours too.
_SLACK = timedelta(minutes=10)
_HANZI = re.compile(r"[\u4e00-\u9fff]")
# UTF-8 read as Latin-1 or Windows-1252: 「é‡‘èžä」, lead bytes E4–E9 and two more each.
_NEXT = (
    "[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc"
    "\u2013-\u203a\u20ac\u2122]"
)
_LATIN_RUN = re.compile(f"(?:[\u00e4-\u00e9]{_NEXT}{{2}}){{2,}}")
# GBK read as Latin-1, or UTF-8 so read twice.
_GBK_RUN = re.compile("[\u00b0-\u00f7][\u00a1-\u00fe](?:[\u00b0-\u00f7][\u00a1-\u00fe]){3}")
# What the first two bytes of a hanzi in UTF-8 become in GBK: seldom used, so that most
# texts are cleared at a glance.
_LATIN = re.compile("[\u00b0-\u00f7]")
_SUSPECT = re.compile(
    "["
    + "".join(
        bytes((lead, trail)).decode("gb18030", "ignore")
        for lead in range(0xE4, 0xEA)
        for trail in range(0x80, 0xC0)
    )
    + "]"
)
_TEXTS = (
    "title", "digest", "source", "author", "editor", "url", "published_raw", "category", "body",
)  # fmt: skip
_SAMPLE = 400
_ENOUGH = 8


def check(article: Article, now: datetime) -> None:
    """Raise :class:`Untrusted` when the article must not be stored.

    Reasons: ``no-content`` (neither title nor paragraph), ``future-time`` (published
    more than ten minutes after ``now``), ``mojibake``. A missing title or time is no
    failure: see :func:`incomplete`.
    """
    if not article.title and not article.paragraphs:
        raise _untrusted(article, "no-content", "neither a title nor a paragraph")
    if article.published_at and article.published_at > now + _SLACK:
        raise _untrusted(
            article, "future-time", f"published at {article.published_at}, which is yet to come"
        )
    text = "\n".join(
        filter(None, (article.title, article.digest, *(p.plain() for p in article.paragraphs)))
    )
    if spoilt := mojibake(text) or _broken(article):
        raise _untrusted(article, "mojibake", f"text in the wrong charset: {spoilt!r}")


def checked(article: Article, now: datetime) -> Article | Failure:
    """The article, or the failure that says why it must not be stored."""
    try:
        check(article, now)
    except Untrusted as error:
        return Failure(
            site=article.site,
            url=article.page_url,
            reason=error.reason,
            message=str(error),
            retry=error.retry,
            listing=article.listing,
            info_code=article.info_code,
            page=article.page,
        )
    return article


def _broken(article: Article) -> str | None:
    """A sample of half a character, which JSON and a spider can hold and no table can."""
    texts = [getattr(article, name) for name in _TEXTS]
    texts += article.tags
    texts += (mention.name for mention in article.mentions)
    for each in article.paragraphs:
        texts += (each.plain(), each.url, each.alt)
    text = "\n".join(filter(None, texts))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return text[max(error.start - 10, 0) : error.end + 10]
    return None


def incomplete(article: Article) -> bool:
    """Does the article lack its title or its time? Another route may fill it later."""
    return article.title is None or article.published_at is None


def mojibake(text: str) -> str | None:
    """A sample of text that was read in the wrong charset; None when all looks well.

    Finds replacement characters, UTF-8 that was read as GB 18030 (taken back to
    bytes it is valid UTF-8 again, which chance does not do) and as Latin-1.

    >>> mojibake("金融消息网站的新闻".encode().decode("gb18030", "replace")) is None
    False
    >>> mojibake("金融消息网站的新闻") is None
    True
    """
    if (at := text.find("\ufffd")) >= 0:
        return text[max(at - 10, 0) : at + 10]
    if _LATIN.search(text) and (found := _LATIN_RUN.search(text) or _GBK_RUN.search(text)):
        return found[0][:20]
    if "锟斤拷锟" in text:  # U+FFFD twice, read as GBK
        return "锟斤拷锟"
    if not _SUSPECT.search(text):
        return None
    hanzi = "".join(_HANZI.findall(text))
    for at in range(0, len(hanzi), _SAMPLE):
        part = hanzi[at : at + _SAMPLE]
        back = part.encode("gb18030").decode("utf-8", "ignore")
        if len(part) >= _ENOUGH and len(_HANZI.findall(back)) * 4 > len(part):
            return part[:20]
    return None


def _untrusted(article: Article, reason: str, message: str) -> Untrusted:
    return Untrusted(
        message,
        url=article.page_url,
        reason=reason,
        site=article.site,
        info_code=article.info_code,
    )
