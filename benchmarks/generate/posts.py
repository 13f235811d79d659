"""Stories as post files, in all shapes that the site's own program has written, and what of each
post a reader sees.

Shapes: a digest alone, as in December 2021; a quoted digest and HTML; HTML alone of a named
source. Rarely, as there: no title, no time, a time without zone, a source in two words, CRLF
between paragraphs, an empty link to the original.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from random import Random

from benchmarks.generate.stories import Truth, make_story, said
from benchmarks.generate.words import sentence
from crawler.demo.eastmoney import Story
from crawler.demo.site import Post, post
from crawler.parsers.dates import SHANGHAI

#: When the first is published, and how long after each the next: a million in ten years.
BEGIN, STEP = datetime(2016, 1, 1, 9, tzinfo=SHANGHAI), timedelta(seconds=310)
#: Categories of named sources; every post is in one of these or in 「emnews」.
CATEGORIES = tuple(f"yuan{number}" for number in range(39))
_MORE = 12  # paragraphs of plain text, for some 800 characters
_AGENCY = "近水社"
_TWO_WORDS = "廿一日报 廿一APP"


@dataclass(frozen=True, slots=True)
class Made:
    """A post and the truth about it."""

    post: Post
    truth: Truth


def posts(count: int, *, seed: int = 1) -> Iterator[Post]:
    """So many post files with different codes."""
    return (each.post for each in made(count, seed=seed))


def online(count: int, *, seed: int = 1) -> Iterator[Made]:
    """So many that have a time, as all have that the site shows."""
    timed = (each for each in made(2 * count, seed=seed) if each.truth.published_at)
    return islice(timed, count)


def made(count: int, *, seed: int = 1) -> Iterator[Made]:
    """So many posts, oldest first, each with its truth; every 64th has no time and so no page.

    ``seed`` is below 90: those of two seeds have no code in common.
    """
    for number in range(count):
        other = number + seed * 1_000_000
        story = make_story(other, BEGIN + STEP * number, (), (), more=_MORE)
        yield _made(number, story, Random(other))


def _made(number: int, story: Story, chance: Random) -> Made:
    # As the site's program does: indents go, and what opens the summary as its title too.
    body = story.body.replace("　　", "")
    summary = story.summary.rpartition("】")[2]
    title = "" if number % 61 == 60 else story.title
    timed, zone = number % 64 != 63, " +0800"
    if number % 7 == 6:
        # Without zone it is taken for UTC by the site, and shown eight hours late.
        zone = ""
    date = f"{story.shown:%Y-%m-%d %H:%M:%S}{zone}" if timed else ""
    shown = story.shown + (timedelta(0) if zone else timedelta(hours=8))
    source: str | None = story.source or "远山日报"
    code, digest, paragraphs = story.code, None, said(body)
    link = "" if number % 53 == 52 else None
    whole = partial(post, title=title, date=date, link=link)
    if number % 8 == 0:
        source = _AGENCY if number % 16 == 0 else None
        text = f"{sentence(chance, 40)}。"
        body = f"{text}（{source}）" if source else text
        paragraphs, made = (body,), whole(code, body=body, source=None)
    elif number % 8 in (1, 2, 3, 4):
        digest = f"{summary}（{source}）"
        made = whole(code, body=body, digest=digest, source=source)
    else:
        if number % 29 == 0:
            source = _TWO_WORDS
        if number % 11 == 0:
            body = body.replace("</p><p>", "</p>\r\n <p>")
        code, category = f"NW{code}", CATEGORIES[number % len(CATEGORIES)]
        made = whole(code, body=body, category=category, tag=f"{source}新闻", source=source)
    known_at = shown if timed else None
    truth = Truth(f"NW{story.code}", title or None, known_at, source, digest, paragraphs)
    return Made(made, truth)
