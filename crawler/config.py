"""The settings of finews, each defined once: its name, type, default, meaning and bounds.

:class:`Settings` is what ``finews.toml`` may say, table by table. ``crawler/config_file.py`` reads
it and the environment, ``crawler/settings.py`` hands the values on to Scrapy.
"""

from __future__ import annotations

import json
import math
import pkgutil
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

_HOST = re.compile(r"(?:[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]+)*|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_HOUR, _DAY = 3600, 24 * 3600

#: The ready bodies of a webhook; their files stand in ``pipelines/alarms/templates``.
TEMPLATES = ("slack", "feishu", "dingtalk", "wecom", "json")
#: How the mail server is spoken to.
SECURITY = ("none", "starttls", "tls")

#: What a key of each type is called in documents.
TYPES: dict[Any, str] = {
    Path: "folder",
    Path | None: "file",
    str: "text",
    int: "whole number",
    float: "number",
    float | None: "number",
    tuple[str, ...]: "list of texts",
    tuple[float, ...]: "list of numbers",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One setting.

    ``takes`` is a phrase for every value that is right, ``feeds`` the Scrapy setting it becomes
    (None: it concerns no crawler), ``variable`` the one in the environment that has the last word;
    a ``secret`` may stand there only, and is not shown. ``check`` and ``whole`` say
    whether a value (each one of a list; the list) is right, or raise :class:`ValueError` with a
    sentence. ``name`` is dotted, ``crawl.delay``.
    """

    meaning: str
    takes: str
    feeds: str | None = None
    check: Callable[[Any], bool] = lambda _: True
    whole: Callable[[Sequence[Any]], bool] = lambda _: True
    variable: str | None = None
    secret: bool = False
    name: str = ""
    type: Any = str
    default: Any = None


def _key(default: Any, meaning: str, **more: Any) -> Any:
    key = Key(meaning, **more)
    return field(default=default, repr=not key.secret, metadata={"key": key})


def _between(least: float, most: float) -> Callable[[float], bool]:
    return lambda value: least <= value <= most


def _number(
    default: float | None,
    meaning: str,
    of: str,
    least: float,
    most: float,
    feeds: str | None = None,
) -> Any:
    takes = f"a number of {of} from {least:.10g} to {most:.10g}"
    return _key(default, meaning, takes=takes, feeds=feeds, check=_between(least, most))


def _seconds(
    default: float | None, meaning: str, feeds: str | None, least: float, most: float
) -> Any:
    return _number(default, meaning, "seconds", least, most, feeds)


def _hours(default: float, meaning: str) -> Any:
    return _number(default, meaning, "hours", 1, 8760)


def _share(default: float, meaning: str) -> Any:
    takes = "a share above 0 and at most 1"
    return _key(default, meaning, takes=takes, check=lambda share: 0 < share <= 1)


def _count(default: int, meaning: str, least: int, most: int) -> Any:
    takes = f"a whole number from {least} to {most}"
    return _key(default, meaning, takes=takes, check=_between(least, most))


def _secret(meaning: str, variable: str, takes: str, check: Callable[[Any], bool]) -> Any:
    return _key("", meaning, takes=takes, check=check, variable=variable, secret=True)


def _ascends(values: Sequence[float]) -> bool:
    return all(one < other for one, other in pairwise(values))


def _is_path(text: str) -> bool:
    if text.startswith("~"):
        raise ValueError("~ is not expanded here; write the whole path")
    return _is_line(text)


def _is_line(text: str) -> bool:
    return bool(text.strip()) and text.isprintable()


def _is_host(text: str) -> bool:
    found = _HOST.fullmatch(text)
    return found is not None and 0 < int(found[1] or 80) < 1 << 16


def is_url(text: str) -> bool:
    """Is ``text`` an http or https URL with a host?"""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        return parts.scheme in ("http", "https") and host.split() == [host] and parts.port != 0
    except ValueError:
        return False


def _is_mail(text: str) -> bool:
    return _is_line(text) and 0 < text.find("@") < len(text) - 1


def _is_template(text: str) -> bool:
    if text and text not in TEMPLATES and not text.endswith(".json"):
        near = get_close_matches(text, TEMPLATES, 1)
        raise ValueError(
            f"there is no template {text!r}"
            + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(TEMPLATES)}")
        )
    return True


def _is_site(name: str) -> bool:
    if name not in (known := [each.name for each in fields(Sites)]):
        raise ValueError(f"there is no site {name!r}; there are {', '.join(known)}")
    return True


def _each_once(names: Sequence[str]) -> bool:
    return len(set(names)) == len(names)


def _host(default: str, meaning: str, feeds: str | None) -> Any:
    takes = "a host without scheme and path, such as example.com or 192.0.2.1:8080"
    return _key(default, meaning, takes=takes, feeds=feeds, check=_is_host)


def _own_delay(default: float | None = None) -> Any:
    meaning = "Pause between two requests of this site's crawl, instead of `crawl.delay`."
    return _seconds(default, meaning, "FINEWS_DELAYS", 0, _HOUR)


def _listings(meaning: str, feeds: str, spider: str) -> Any:
    """Names of listings of a spider; it is loaded, and Scrapy with it, only to check some."""

    def check(name: str) -> bool:
        pkgutil.resolve_name(spider).listing(name)
        return True

    takes = "a list of names of listings, each once (see finews sites)"
    return _key((), meaning, takes=takes, feeds=feeds, check=check, whole=_each_once)


def _on(spider: str) -> Any:
    meaning = "Listings that are walked beside those that the site's crawls walk by themselves."
    return _listings(meaning, "FINEWS_LISTINGS_ON", spider)


def _off(spider: str) -> Any:
    meaning = "Listings that are not walked, unless `--listing` names them."
    return _listings(meaning, "FINEWS_LISTINGS_OFF", spider)


_FINEWS = "crawler.spiders.finews:FinewsSpider"
_EASTMONEY = "crawler.spiders.eastmoney:EastmoneySpider"
_CHOICE = "crawler.spiders.choice:ChoiceSpider"


@dataclass(frozen=True, slots=True)
class Crawl:
    """How all sites are crawled."""

    sites: tuple[str, ...] = _key(
        ("finews", "eastmoney"),
        "Sites that `finews crawl` reads when none is named.",
        takes="a list of sites, one or more, each once",
        feeds="FINEWS_SITES",
        check=_is_site,
        whole=lambda names: bool(names) and _each_once(names),
    )
    delay: float = _seconds(
        1.0, "Pause between two requests to a host.", "DOWNLOAD_DELAY", 0, _HOUR
    )
    timeout: float = _seconds(15, "How long an answer may take.", "DOWNLOAD_TIMEOUT", 0.1, _HOUR)
    looks: tuple[float, ...] = _key(
        (1, 12, 48),
        "How many hours after we first saw it a new article is looked at again, for edits;"
        " an empty list: never.",
        takes="a list of hours, above 0 and at most 8760, each longer than the one before",
        feeds="FINEWS_LOOKS",
        check=lambda hours: 0 < hours <= 8760,
        whole=_ascends,
    )
    rests: tuple[float, ...] = _key(
        (30, 120, 600, _HOUR, 6 * _HOUR, _DAY),
        "How many seconds a host that refuses is left alone the first time, the second time …",
        takes="a list of seconds, one or more, above 0 and at most 2678400,"
        " each longer than the one before",
        feeds="FINEWS_RESTS",
        check=lambda seconds: 0 < seconds <= 31 * _DAY,
        whole=lambda values: bool(values) and _ascends(values),
    )
    patience: float = _seconds(
        60,
        "A run waits for a rest that ends within so many seconds; longer ones are for later runs.",
        "FINEWS_PATIENCE",
        0,
        _DAY,
    )


@dataclass(frozen=True, slots=True)
class Finews:
    """The public finews site."""

    delay: float | None = _own_delay()
    listings_on: tuple[str, ...] = _on(_FINEWS)
    listings_off: tuple[str, ...] = _off(_FINEWS)


@dataclass(frozen=True, slots=True)
class Eastmoney:
    """Eastmoney."""

    # Well below what gets an address blocked (200 requests a minute, 300 in five).
    delay: float | None = _own_delay(2.0)
    listings_on: tuple[str, ...] = _on(_EASTMONEY)
    listings_off: tuple[str, ...] = _off(_EASTMONEY)
    page_size: int = _key(
        200,
        "How many entries a page of a column is asked for.",
        takes="a whole number from 1 to 200",
        feeds="EASTMONEY_PAGE_SIZE",
        check=_between(1, 200),
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """The Choice feeds. Where they stand moved over the years, and may be dead."""

    delay: float | None = _own_delay()
    listings_on: tuple[str, ...] = _on(_CHOICE)
    listings_off: tuple[str, ...] = _off(_CHOICE)
    feed_host: str = _host(
        "183.136.162.242", "Where the feeds 102 and 45 stand.", "CHOICE_FEED_HOST"
    )
    market_feed_host: str = _host(
        "43.240.125.15:1818", "Where the feeds 37, 38 and 39 stand.", "CHOICE_MARKET_FEED_HOST"
    )
    text_host: str = _host(
        "choicewzp1.eastmoney.com", "Where the texts of articles stand.", "CHOICE_TEXT_HOST"
    )
    count: int = _key(
        100,
        "How many items a feed is asked for.",
        takes="a whole number from 1 to 10000",
        feeds="CHOICE_COUNT",
        check=_between(1, 10_000),
    )


@dataclass(frozen=True, slots=True)
class Sites:
    """A table for each site."""

    finews: Finews = Finews()
    eastmoney: Eastmoney = Eastmoney()
    choice: Choice = Choice()

    def items(self) -> Iterator[tuple[str, Finews | Eastmoney | Choice]]:
        """The sites by name."""
        return ((each.name, getattr(self, each.name)) for each in fields(self))


@dataclass(frozen=True, slots=True)
class Polling:
    """How often `finews crawl --due` walks a listing, by its own rhythm."""

    least: float = _seconds(
        300, "A listing is not walked again before so many seconds.", None, 1, _DAY
    )
    most: float = _seconds(
        7200, "A listing is walked at least every so many seconds.", None, 1, 31 * _DAY
    )
    articles: float = _number(
        1.0,
        "A listing is walked again when so many new articles are to be expected of it.",
        "articles",
        0.01,
        1000,
    )


@dataclass(frozen=True, slots=True)
class Health:
    """When something needs a person. Each rule judges by the corpus's own history."""

    quiet: int = _count(
        5,
        "A listing is quiet when nothing new came in hours that brought at least so many articles"
        " on each day of the last four weeks; of days of the same kind, while other listings bring"
        " what they usually do.",
        1,
        10_000,
    )
    old: float = _hours(96, "The newest article of a site is too old after so many hours.")
    missing: float = _share(
        0.5, "A field is gone when the last articles lack it by this share more than usual."
    )
    failures: float = _share(
        0.5, "A site is failing when this share of the last articles asked for did not come."
    )
    walks: int = _count(
        2, "A listing is failing when so many walks in a row did not get to their end.", 1, 100
    )
    refusals: float = _share(
        0.2, "A site refuses when it turned this share of the last three runs' requests away."
    )
    shape: float = _share(
        0.5,
        "A listing's shape has changed when its pages show less than this share of the entries"
        " that they usually show.",
    )
    rest: float = _seconds(
        600, "A host that refuses and rests so long or longer is told of.", None, 1, 31 * _DAY
    )
    gap: float = _hours(24, "A gap is told of when it is open for so many hours.")
    disk: int = _count(
        500, "Megabytes that should be free where the data folder is.", 1, 100_000_000
    )
    clock: float = _seconds(
        300, "How far this machine's clock may be from those of the sites.", None, 1, _DAY
    )
    reminder: float = _hours(24, "What is still wrong is told again after so many hours.")


@dataclass(frozen=True, slots=True)
class Alarms:
    """Where the messages of health go. They can be tried by `finews alarm --test`."""

    command: tuple[str, ...] = _key(
        (),
        "A command and its arguments that gets each message on its standard input.",
        takes="a list of texts, the first the program",
        check=_is_line,
    )
    webhook: str = _key(
        "json",
        "Which body `FINEWS_WEBHOOK_URL` is sent: a ready one, or your own from a file.",
        takes=f"one of {', '.join(TEMPLATES)}, or the path of a .json file",
        check=_is_template,
    )
    webhook_url: str = _secret(
        "The webhook that each message is posted to.",
        "FINEWS_WEBHOOK_URL",
        "an http or https URL",
        is_url,
    )
    mail_to: tuple[str, ...] = _key(
        (),
        "The addresses that each message is mailed to.",
        takes="a list of mail addresses",
        check=_is_mail,
    )
    mail_from: str = _key(
        "",
        "The address that mails come from; without it the first of `alarms.mail_to`.",
        takes="a mail address",
        check=lambda text: not text or _is_mail(text),
    )
    mail_server: str = _host("localhost:25", "The server that takes the mails.", None)
    mail_security: str = _key(
        "none",
        "How the mail server is spoken to.",
        takes=f"one of {', '.join(SECURITY)}",
        check=SECURITY.__contains__,
    )
    mail_user: str = _key(
        "",
        "Who logs in to the mail server, with `FINEWS_MAIL_PASSWORD`; without it nobody does.",
        takes="one line of text",
        check=lambda text: not text or _is_line(text),
    )
    mail_password: str = _secret(
        "The password of `alarms.mail_user`.", "FINEWS_MAIL_PASSWORD", "one line of text", _is_line
    )
    ping_url: str = _secret(
        "A URL that is called after every run that came to its end; who watches it knows when runs"
        " stay away.",
        "FINEWS_PING_URL",
        "an http or https URL",
        is_url,
    )
    timeout: float = _seconds(
        10,
        "How long the messages of a run may take; what did not arrive goes with the next run.",
        None,
        0.1,
        300,
    )


@dataclass(frozen=True, slots=True)
class Log:
    """The log, one JSON object a line."""

    file: Path | None = _key(  # noqa: RUF009 -- a field, as all others
        None,
        "The file that is written, beside what a terminal shows; relative to the settings file.",
        takes="the path of a file, or an empty text for none",
        check=lambda text: not text or _is_path(text),
    )
    size: int = _count(10, "Megabytes after which a new file is begun.", 1, 10_000)
    files: int = _count(5, "How many earlier files are kept.", 1, 1000)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures for Prometheus."""

    file: Path | None = _key(  # noqa: RUF009 -- a field, as all others
        None,
        "A textfile that each crawl writes anew, for the collector of node_exporter; relative to"
        " the settings file.",
        takes="the path of a file that ends in .prom, or an empty text for none",
        check=lambda text: not text or (_is_path(text) and text.endswith(".prom")),
    )


@dataclass(frozen=True, slots=True)
class Redis:
    """The Redis by which many crawl together; where it is, `--redis` says."""

    password: str = _secret(
        "The password of the Redis that `--redis` names, where its URL has none.",
        "FINEWS_REDIS_PASSWORD",
        "one line of text",
        _is_line,
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, with the defaults that hold without a file."""

    data: Path = _key(  # noqa: RUF009 -- a field, as all others
        Path("data"),
        "Folder of finews.db and pages.db. In a file, relative to the file's folder.",
        takes="the path of a folder",
        feeds="FINEWS_DATA",
        check=_is_path,
    )
    contact: str = _key(
        "",
        "Who runs this crawler: an address or URL that a site's owner can write to."
        " It stands in the user agent.",
        takes="one line of text, such as an address or URL",
        feeds="FINEWS_CONTACT",
        check=lambda text: not text or _is_line(text),
        variable="FINEWS_CONTACT",
    )
    crawl: Crawl = Crawl()
    sites: Sites = Sites()
    polling: Polling = Polling()
    health: Health = Health()
    alarms: Alarms = Alarms()
    log: Log = Log()
    metrics: Metrics = Metrics()
    redis: Redis = Redis()


def definition(of: Field[Any]) -> Key | None:
    """The key that a field of a table is; None where it is a table itself."""
    key: Key | None = of.metadata.get("key")
    return key


@cache
def keys() -> dict[str, Key]:
    """All keys by their dotted names, in the order of their definitions."""
    return {key.name: key for key in _keys(Settings, "")}


def _keys(table: Any, prefix: str) -> Iterator[Key]:
    types = get_type_hints(table)
    for each in fields(table):
        name = f"{prefix}{each.name}"
        if key := definition(each):
            given = {part.name: getattr(key, part.name) for part in fields(Key)}
            yield Key(**given | {"name": name, "type": types[each.name], "default": each.default})
        else:
            yield from _keys(types[each.name], f"{name}.")


def is_number(value: object) -> bool:
    """Is ``value`` a number in the sense of a setting? ``true``, ``nan`` and ``inf`` are not."""
    return type(value) is int or (isinstance(value, float) and math.isfinite(value))


def toml(value: object) -> str:
    """A value of a setting as a file has it.

    >>> toml((1, 12))
    '[1, 12]'
    """
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
