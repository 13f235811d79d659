"""Renders post files the way Jekyll renders the public news site.

It imitates what a crawler of that site meets: the permalinks, the listing pages, the feed, and a
head that holds each body a second time, unescaped. Of Markdown it knows only the shapes post files
have: a quoted digest, HTML blocks, plain paragraphs, an autolink and links.
"""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from importlib.resources import files
from urllib.parse import quote, unquote

SITE_URL = "http://finews.test"

_FRONT_MATTER = re.compile(r"---\n(.*?)\n---(?:\n|\Z)(.*)", re.DOTALL)
_BLOCK = re.compile(r"(<!--.*?-->|<(p|h[1-6]|center|table|[uo]l)\b.*?</\2>)(\s*)", re.DOTALL)
_VOID_TAG = re.compile(r"<((?:br|img|hr)\b[^<>]*?) ?/?>")
_BARE_AMPERSAND = re.compile(r"&(?!\w+;|#\d+;|#x[0-9a-fA-F]+;)")
_LINK = re.compile(r"\[(.*?)\]\((.*?)\)")
_TAG_OR_COMMENT = re.compile(r"<!--.*?-->|<.*?>", re.DOTALL)

# The description of a listing page shows its template, not what the template renders to.
_HOME_TEMPLATE = """{% for tag in site.tags %}
<h2 id="{{ tag[0] }}">{{ tag[0] }}</h2>
<ul>{% for post in tag[1] limit:5 %}
<li><a href="{{ post.url }}">{{ post.title }}</a></li>{% endfor %}
</ul>
---
{% endfor %}
"""
_EMNEWS_TEMPLATE = """<ul>
{% for post in site.categories.emnews limit:20 %}<li><a href="{{ post.url }}" target="_blank">\
{{ post.title }}</a></li>
{% endfor %}</ul>
"""


@dataclass(frozen=True)
class Post:
    """One post file, read leniently: its title may hold bare quotes, its date may be empty."""

    name: str
    text: str

    @cached_property
    def _parts(self) -> tuple[dict[str, str], str]:
        match = _FRONT_MATTER.match(self.text)
        if match is None:
            raise ValueError(f"{self.name}: no front matter")
        pairs = (line.partition(":") for line in match[1].split("\n"))
        return {key: value.strip() for key, _, value in pairs}, match[2]

    @property
    def title(self) -> str:
        """What stands between the outer quotes, as written."""
        return self._parts[0]["title"][1:-1]

    @property
    def date(self) -> str:
        """The time as the page shows it: a naive one is taken as UTC and shown in +8."""
        stamp, _, zone = self._parts[0]["date"].partition(" +")
        if not stamp or stamp.startswith("+"):
            return ""
        shift = timedelta(hours=0 if zone else 8)
        return (datetime.fromisoformat(stamp) + shift).isoformat(sep=" ")

    @property
    def category(self) -> str:
        """The categories as written: Jekyll splits them at spaces."""
        return self._parts[0]["categories"]

    @property
    def tags(self) -> list[str]:
        """The tags, split at spaces as Jekyll does."""
        return self._parts[0]["tags"].split()

    @property
    def slug(self) -> str:
        """The file name after its date, without the suffix."""
        return self.name[11:].removesuffix(".md")

    @property
    def path(self) -> str:
        """The permalink, percent-encoded."""
        folder = self.category.lower().replace(" ", "/")
        day = (self.date or self.name)[:10].replace("-", "/")
        return quote(f"/{folder}/{day}/{self.slug}.html", safe="/:@!$&'()*+,;=~")

    @property
    def content(self) -> str:
        """The body as kramdown renders it, but for CRLF between blocks, which stays."""
        return "\n\n".join(_render(part) for part in re.split(r"\n{2,}", self._parts[1].strip()))


def bundled_posts() -> list[Post]:
    """The posts of the miniature, by file name."""
    folder = files(__package__) / "posts"
    # As bytes: reading text would turn the CRLF inside a body into LF.
    found = (file for file in folder.iterdir() if file.name.endswith(".md"))
    posts = (Post(file.name, file.read_bytes().decode()) for file in found)
    return sorted(posts, key=lambda post: post.name)


def post(
    code: str,
    *,
    title: str = "两市成交额连续三日破万亿元",
    date: str = "2022-05-31 15:25:28 +0800",
    category: str = "emnews",
    tag: str = "东财滚动新闻",
    body: str = "<p>两市成交额连续三日突破一万亿元。</p>",
    digest: str | None = None,
    source: str | None = "财联社",
    link: str | None = None,
    trailer: str | None = None,
) -> Post:
    """A post file in the real shape, from its parts.

    The source becomes the attribution line of an HTML body; a plain body gets none. `link` and
    `trailer` left out are the usual ones of the category; `""` is an empty link and no trailer.
    """
    if source is not None and body.startswith("<"):
        body += f'<p class="em_media">（文章来源：{source}）</p>'
    if digest is not None:
        body = f"> {digest}\n\n{body}"
    elif not body.startswith("<"):
        body = f"\n{body}"
    if link is None and code.startswith("NW"):
        link = f"http://finews.zning.xyz/html_News/NewsShare.html?infoCode={code}"
    elif link is None:
        link = f"http://finance.eastmoney.com/news/1345,{code}.html"
    if trailer is None:
        host = "//finews.withounder.com/"
        listing = "emnews/" if category == "emnews" else f"category/{category}.html"
        trailer = f"[返回{tag}]({host}{listing})｜[返回首页]({host})"
    front = f'layout: post\ntitle: "{title}"\ndate: {date or " +0800"}\ncategories: {category}'
    parts = [f"---\n{front}\ntags: {tag}\n---\n{body}", f"<{link}>", trailer]
    return Post(f"{date[:10]}-{code}.md", "\n\n".join(part for part in parts if part))


def build(posts: Iterable[Post], url: str = SITE_URL) -> dict[str, bytes]:
    """Every page of the site by its percent-decoded path; the feed's links begin with `url`."""
    dated = [post for post in posts if re.match(r"\d{4}-\d\d-\d\d-", post.name)]
    newest = sorted(dated, key=lambda post: (post.date, post.name), reverse=True)
    emnews = _list([post for post in newest if post.category == "emnews"][:20], ' target="_blank"')
    pages = {
        "/": _page("/", "首页", _HOME_TEMPLATE, _home(newest)),
        "/emnews/": _page("/emnews/", "东财滚动新闻", _EMNEWS_TEMPLATE, emnews),
        "/feed.xml": _feed(newest[:10], url),
    }
    for category in {post.category for post in newest}:
        # The page of a category with a space stays empty, as posts belong to its halves.
        listed = _list([post for post in newest if category in post.category.split()])
        path = f"/category/{category}"
        pages[f"{path}.html"] = _page(quote(path), category, "", f'<h2 id=""></h2>\n{listed}')
    for post in newest:
        pages[unquote(post.path)] = post_page(post)
    return {path: text.encode() for path, text in pages.items()}


def post_page(post: Post) -> str:
    """The page of one post."""
    return _page(post.path, post.title, f"{post.content}\n", _article(post))


def _render(part: str) -> str:
    if part.startswith("> "):
        return f"<blockquote>\n  {_paragraph(part[2:])}\n</blockquote>"
    if re.fullmatch(r"<https?://[^<>\s]+>", part):
        return _paragraph(f"[{part[1:-1]}]({part[1:-1]})")
    if not re.match(r"<[a-z!]", part):
        return _paragraph(part)
    blocks = _BLOCK.sub(lambda m: m[1] + ("\r\n" if "\r" in m[3] else "\n"), part)
    return _BARE_AMPERSAND.sub("&amp;", _VOID_TAG.sub(r"<\1 />", blocks)).strip()


def _paragraph(text: str) -> str:
    linked = _LINK.sub(r'<a href="\2">\1</a>', html.escape(text.strip(), quote=False))
    return f"<p>{linked}</p>"


def _list(posts: Sequence[Post], attributes: str = "") -> str:
    items = (f'<li><a href="{post.path}"{attributes}>{post.title}</a></li>\n' for post in posts)
    return f"<ul>\n{''.join(items)}</ul>\n"


def _home(newest: Sequence[Post]) -> str:
    """The newest five posts of each tag, the tags in the order of their oldest post."""
    tags = dict.fromkeys(tag for post in reversed(newest) for tag in post.tags)
    return "\n".join(
        f'<h2 id="{tag}">{tag}</h2>\n{_list([p for p in newest if tag in p.tags][:5])}<hr />\n'
        for tag in tags
    )


def _article(post: Post) -> str:
    return f"""<small>(GMT+8, Asia/Shanghai, CST) {post.date}</small>
<h1>{post.title}</h1>

{post.content}

<small>tags: <em>{"</em> - <em>".join(post.tags)}</em></small>
"""


def _page(path: str, title: str, description: str, content: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta property="og:type" content="website">
<meta property="og:title" content="{title}">

<meta property="og:description" content="{description}">
<meta property="og:url" content="https://finews.other.test{path}">
<title>{title} | 金融消息</title>
</head>
<body onload="setTimeout(function () {{ location.reload(true); }}, 60000);">
<div class="wrapper">
<header>
<h1><a href="/">金融消息</a></h1>
<p></p>
</header>
<section>

{content}

</section>
<footer>
<p>&copy; 2021</p>
</footer>
</div>
</body>
</html>
"""


def _feed(posts: Sequence[Post], url: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" '
        'xml:lang="zh-CN"><generator uri="https://jekyllrb.com/" version="4.3.1">Jekyll</generator>'
        f'<link href="{url}/feed.xml" rel="self" type="application/atom+xml" />'
        f'<link href="{url}/" rel="alternate" type="text/html" hreflang="zh-CN" />'
        f"<updated>{_iso(posts[0].date) if posts else ''}</updated><id>{url}/feed.xml</id>"
        '<title type="html">金融消息</title><author><name>站长</name></author>'
        f"{''.join(_entry(post, url) for post in posts)}</feed>"
    )


def _entry(post: Post, url: str) -> str:
    link, date, title = url + post.path, _iso(post.date), html.escape(post.title)
    first_part = post.content.split("\n\n", 1)[0]
    summary = " ".join(_TAG_OR_COMMENT.sub("", first_part).split())
    terms = (f'<category term="{term}" />' for term in [*post.category.split(), *post.tags])
    return (
        f'<entry><title type="html">{title}</title>'
        f'<link href="{link}" rel="alternate" type="text/html" title="{title}" />'
        f"<published>{date}</published><updated>{date}</updated>"
        f"<id>{link.removesuffix('.html')}</id>"
        f'<content type="html" xml:base="{link}"><![CDATA[{post.content}]]></content>'
        f"<author><name>站长</name></author>{''.join(terms)}"
        f'<summary type="html"><![CDATA[{summary}]]></summary></entry>'
    )


def _iso(date: str) -> str:
    return date.replace(" ", "T") + "+08:00" if date else ""
