"""Settings: one file, each key with its type and bounds; what is wrong is told with its line."""

from __future__ import annotations

import json
import os
import re
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy.spiderloader import SpiderLoader
from scrapy.utils.project import get_project_settings

from crawler import config
from crawler.cli.config import default_of, example_file
from crawler.config import keys, toml
from crawler.config_file import FILE, load, read
from crawler.demo.server import Request, serve
from crawler.demo.site import build, bundled_posts
from crawler.errors import BadSettings
from crawler.parsers import choice
from crawler.toml_lines import lines
from tests.conftest import ROOT, Program
from tests.replica import Answer, Replica, serving

OWN = config.Settings()


@pytest.fixture
def plain(finews: Program, tmp_path: Path) -> Program:
    """A program with the settings of the project, and a file of its own in ``tmp_path``."""
    finews.env["SCRAPY_SETTINGS_MODULE"] = "crawler.settings"
    finews.env["FINEWS_CONFIG"] = str(tmp_path / FILE)
    write(finews, "")
    return finews


@pytest.fixture(scope="module")
def miniature() -> Iterator[Replica]:
    with serving(build(bundled_posts())) as replica:
        yield replica


def write(program: Program, text: str | bytes) -> None:
    raw = text.encode() if isinstance(text, str) else text
    Path(program.env["FINEWS_CONFIG"]).write_bytes(raw)


def told(text: str) -> str:
    """The error that a file gives."""
    with pytest.raises(BadSettings) as caught:
        read(text, Path(FILE), {})
    assert "\n" not in str(caught.value)
    return str(caught.value)


LISTINGS = "[sites.eastmoney]\nlistings_on = [\n  '345', # one\n  '9',\n]"
WRONG = {
    "dealy = 1": '1: there is no key "dealy"; did you mean crawl.delay?',
    "delay = 1": '1: there is no key "delay"; did you mean crawl.delay?',
    "contakt = ''": '1: there is no key "contakt"; did you mean contact?',
    "\n[crawl]\ndealy = 1": '3: [crawl] has no key "dealy"; did you mean delay?',
    "crawl.xyz = 1": '1: [crawl] has no key "xyz"; there are sites, delay, timeout, looks, rests,'
    " patience",
    'crawl = {delay = 1, "xy z" = 2}': '1: [crawl] has no key "xy z"; there are sites, delay,',
    "[sites.sina]": '1: there is no site "sina"; there are finews, eastmoney, choice',
    "[crawl]\nsites = ['finews',\n'posts']": "3: crawl.sites: there is no site 'posts'; there are",
    "[crawl]\nsites = []": "2: crawl.sites takes a list of sites, one or more, each once, not []",
    "[crawl]\nsites = 'finews'": "2: crawl.sites takes a list of sites, one or more, each once, no",
    LISTINGS: "4: sites.eastmoney.listings_on: eastmoney has no listing '9'; it has 344, 345, 350",
    "sites.finews.listings_off = ['']": "1: sites.finews.listings_off: '' is no name of a listing",
    "[sites.finews]\nlistings_on=['a']\nlistings_off=['b',\n'a']": "4: listing 'a' is in listings",
    "crawl = 1": "1: crawl is a table: write [crawl] and its keys below",
    "\n[[crawl]]\ndelay = 1": "2: crawl is a table",
    "[crawl]\ndelay = '1'": '2: crawl.delay takes a number of seconds from 0 to 3600, not "1"',
    "[crawl]\ndelay = true": "2: crawl.delay takes a number of seconds from 0 to 3600, not true",
    "[crawl]\ndelay = -1": "2: crawl.delay takes a number of seconds from 0 to 3600, not -1",
    "[crawl]\ndelay = nan": "2: crawl.delay takes",
    "[crawl]\ndelay = inf": "2: crawl.delay takes",
    f"[crawl]\ndelay = 0x{'f' * 9999}": "2: crawl.delay takes a number of seconds from 0 to 3600, ",
    "[crawl]\ntimeout = 0": "2: crawl.timeout takes a number of seconds from 0.1 to 3600, not 0",
    "[crawl]\nlooks = [1, 12, 12]": "2: crawl.looks takes a list of hours, above 0 and at most 87",
    "crawl.looks = [\n1,\n\n'x']": "4: crawl.looks takes a list of hours,",
    "crawl.rests = []": "1: crawl.rests takes a list of seconds, one or more",
    "crawl.rests = 2022-01-14": "1: crawl.rests takes a list of seconds, one or more",
    "sites.eastmoney.page_size = 201": "1: sites.eastmoney.page_size takes a whole number from 1 ",
    "sites.eastmoney.page_size = 1.0": "1: sites.eastmoney.page_size takes a whole number from 1 ",
    "sites.choice.count = 0": "1: sites.choice.count takes a whole number from 1 to 10000, not 0",
    "sites.choice.text_host = 'http://a.test'": "1: sites.choice.text_host takes a host without",
    "sites.choice.feed_host = 'a.test:70000'": "1: sites.choice.feed_host takes a host without",
    "contact = '''a\nb'''": '1: contact takes one line of text, such as an address or URL, not "a',
    "data = '~/x'": "1: data: ~ is not expanded here; write the whole path",
    "[polling]\nleast = 60\nmost = 59": "2: polling.least, 60, is more than polling.most, 59",
    "polling.most = 299": "1: polling.least, 300, is more than polling.most, 299",
    "health.quiet = 0": "1: health.quiet takes a whole number from 1 to 10000, not 0",
    "health.missing = 1.5": "1: health.missing takes a share above 0 and at most 1, not 1.5",
    "[alarms]\nwebhook = 'slak'": "2: alarms.webhook: there is no template 'slak'; did you mean sl",
    "alarms.webhook_url = 'https://a.test/x'": "1: alarms.webhook_url is a secret: take it out he",
    "alarms.mail_to = [\n'a@b.test',\n'b']": "3: alarms.mail_to takes a list of mail addresses,",
    "alarms.mail_security = 'ssl'": "1: alarms.mail_security takes one of none, starttls, tls, no",
    "alarms.command = 'mail'": "1: alarms.command takes a list of texts, the first the program,",
    "metrics.file = 'a.txt'": "1: metrics.file takes the path of a file that ends in .prom, or an",
    "log.size = 0": "1: log.size takes a whole number from 1 to 10000, not 0",
    "data = ''": "1: data takes the path of a folder, not",
    "\n\ncontact = ": "3: this is not TOML: Invalid value",
    "contact = 1\ncontact = 2": "2: this is not TOML: Cannot overwrite a value",
    "\ncontact = '": "2: this is not TOML:",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_with_its_line(text: str) -> None:
    assert told(text).startswith(f"finews.toml:{WRONG[text]}")


def test_brackets_by_the_thousands() -> None:
    assert told(f"x = {'[' * 9999}{']' * 9999}").startswith("finews.toml: ")


def test_lines_of_every_form_of_key() -> None:
    text = """\
# [no] = "table"
a.b."c.d" = 1 # first
a.e = { f = 1, g.h = [1, 2] }
list = [
  "x]", # ]
  [1,
   2], { k = 1 },
]
long = \"\"\"
[not.a.table]
\\\"\"\" \"\"\"\"
raw = '''
x = 1''''
[ t . "u v" ]
'w' = 2022-01-14 15:30:58
[[many]]
one = 1.5
"""
    tomllib.loads(text)
    for end in ("\n", "\r\n"):
        found = lines(text.replace("\n", end))
        assert found == {
            ("a",): 2, ("a", "b"): 2, ("a", "b", "c.d"): 2, ("a", "e"): 3, ("a", "e", "f"): 3,
            ("a", "e", "g"): 3, ("a", "e", "g", "h"): 3, ("a", "e", "g", "h", 0): 3,
            ("a", "e", "g", "h", 1): 3, ("list",): 4, ("list", 0): 5, ("list", 1): 6,
            ("list", 1, 0): 6, ("list", 1, 1): 7, ("list", 2): 7, ("list", 2, "k"): 7,
            ("long",): 9, ("raw",): 12, ("t",): 14, ("t", "u v"): 14, ("t", "u v", "w"): 15,
            ("many",): 16, ("many", "one"): 17,
        }  # fmt: skip


WORDS = [part for name in keys() for part in name.split(".")] + ["dealy", '"a b"', "x"]
PIECES = [*"[]{}=,.\n\"'#\\ 1", '"""', "'''", "[crawl]\n", "[sites.finews]\n", "[[x]]\n"]
PIECES += ["true", "nan", "0xff", "1.5", "2022-01-14", '"345"', '["a", "a"]', "\r\n", "\x00", "中"]
VALUES = st.sampled_from([
    "1", "-1", "1.5", "true", "nan", '"a"', '""', "[]", "[1, 2]", "[2,\n1]", "['finews']",
    "{}", "{delay = 1}", "1979-05-27T07:32:00Z", "[[1]]", "{a = {b = []}}", "'http://x'",
])  # fmt: skip
LINES = st.builds(
    lambda name, value: f"{name} = {value}\n",
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(".".join),
    VALUES,
) | st.builds(lambda name: f"[{name}]\n", st.sampled_from(["crawl", "sites", "sites.finews", "x"]))
ANY_TEXT = (
    st.text()
    | st.lists(st.sampled_from(PIECES + WORDS)).map("".join)
    | st.lists(LINES, max_size=6).map("".join)
    | st.builds(lambda name, value: f"{name} = {value}", st.sampled_from(list(keys())), VALUES)
)


@settings(max_examples=400, deadline=None, database=None)
@given(ANY_TEXT)
def test_any_text_gives_settings_or_a_sentence(text: str) -> None:
    bad: BadSettings | None = None
    try:
        read(text, Path(FILE), {})
    except BadSettings as error:
        bad = error
    if bad:
        assert "\n" not in str(bad)
        assert str(bad).startswith(FILE)
        assert bad.line is None or 1 <= bad.line <= text.count("\n") + 1


@settings(max_examples=200, deadline=None, database=None)
@given(st.lists(LINES, max_size=8).map("".join))
def test_every_key_has_a_line_that_names_it(text: str) -> None:
    try:
        given = tomllib.loads(text)
    except ValueError:
        return
    found, all_lines = lines(text), text.split("\n")

    def walk(value: object, path: tuple[str | int, ...]) -> None:
        if path:
            assert path in found
            if isinstance(path[-1], str):
                assert path[-1] in all_lines[found[path] - 1]
        if isinstance(value, dict):
            for name, each in value.items():
                walk(each, (*path, name))

    walk(given, ())


def test_the_example_parses_to_the_defaults() -> None:
    example = example_file()
    assert read(example, Path(FILE), {}).settings == OWN
    assert re.findall(r"^#(\w+) = ", example, re.MULTILINE) == [
        name.rpartition(".")[2] for name, key in keys().items() if not key.secret
    ]
    assert max(map(len, example.splitlines())) <= 80
    given = read(re.sub(r"^#(?=\w)", "", example, flags=re.MULTILINE), Path(FILE), {})
    for key in keys().values():
        value = given.value(key.name)
        assert value == default_of(key) if value is not None else default_of(key) == ""
        assert given.origin(key.name).startswith("default" if key.secret else "finews.toml:")


def own_delay(key: config.Key) -> bool:
    return key.default is None and key.feeds is not None


def told_setting(key: config.Key) -> str:
    if key.feeds:
        return f"`{key.feeds}`"
    return f"only `{key.variable}`" if key.secret else "–"


def test_every_key_is_documented_as_it_is_defined() -> None:
    rows = [
        f"| `{key.name}` | {config.TYPES[key.type]} |"
        f" {'that of `crawl.delay`' if own_delay(key) else f'`{toml(default_of(key))}`'} |"
        f" {key.meaning} Takes {key.takes}. | {told_setting(key)} |"
        for key in keys().values()
    ]
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `.*\|$", text, re.MULTILINE) == rows
    assert all(f"`{key.variable}`" in text for key in keys().values() if key.variable)


def test_the_tables_are_the_sites_and_the_defaults_those_of_the_parsers() -> None:
    names = SpiderLoader.from_settings(get_project_settings()).list()
    assert sorted(name for name, _ in OWN.sites.items()) == sorted(names)
    own = OWN.sites.choice
    hosts = (own.feed_host, own.market_feed_host, own.text_host)
    assert choice.Feeds(*hosts, own.count) == choice.Feeds()


def test_a_default_gives_way_to_the_file_and_that_to_the_environment() -> None:
    environ = {"FINEWS_CONTACT": "b@example.com"}
    given = read("\ncontact = 'a@example.com'", Path("x/y.toml"), {})
    assert (given.settings.contact, given.origin("contact")) == ("a@example.com", "x/y.toml:2")
    assert read("", Path(FILE), {"FINEWS_CONTACT": ""}).origin("contact") == "default"
    given = read("contact = 'a@example.com'", Path(FILE), environ)
    assert (given.settings.contact, given.origin("contact")) == ("b@example.com", "FINEWS_CONTACT")
    with pytest.raises(BadSettings, match=r"^FINEWS_CONTACT: contact takes one line"):
        read("", Path(FILE), {"FINEWS_CONTACT": "a\r\nX: b"})
    with pytest.raises(BadSettings, match="page_size"):  # though the environment is right
        read("sites.eastmoney.page_size = 0", Path(FILE), environ)


def test_data_is_relative_to_the_file() -> None:
    for said, meant in {"news": "x/news", "../news": "x/../news", "/srv/news": "/srv/news"}.items():
        assert read(f"data = '{said}'", Path("x/y.toml"), {}).settings.data == Path(meant)
    assert read("", Path("x/y.toml"), {}).settings.data == Path("data")


def test_where_the_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load({}).settings == OWN
    (tmp_path / FILE).write_bytes(b"\xef\xbb\xbfcrawl.delay = 3\r\n")
    assert load({"FINEWS_CONFIG": ""}).settings.crawl.delay == 3
    (tmp_path / "other.toml").write_text("crawl.delay = 4")
    assert load({"FINEWS_CONFIG": "other.toml"}).settings.crawl.delay == 4
    assert load({"FINEWS_CONFIG": os.devnull}).settings == OWN
    for path, why in {"none.toml": "No such file", ".": "Is a directory"}.items():
        with pytest.raises(BadSettings, match=f"which FINEWS_CONFIG names, cannot be read: {why}"):
            load({"FINEWS_CONFIG": path})
    (tmp_path / FILE).write_bytes(b"\n# \xff")
    with pytest.raises(BadSettings, match=r"^finews.toml:2: this is not UTF-8"):
        load({})
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).symlink_to("nowhere")
    with pytest.raises(BadSettings, match=r"^finews.toml: the settings file cannot be read"):
        load({})


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.chdir(tmp_path)
    (tmp_path / FILE).touch()
    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(BadSettings, match=r"^finews.toml: .* cannot be read: Permission denied"):
        load({})


OTHER: dict[str, Any] = {
    "contact": "me@example.com", "crawl.sites": ["choice"], "crawl.delay": 0.25,
    "crawl.timeout": 7, "crawl.looks": [2], "crawl.rests": [5, 6.5], "crawl.patience": 9,
    "sites.finews.delay": 0.5, "sites.finews.listings_on": ["a"],
    "sites.finews.listings_off": ["home"], "sites.eastmoney.delay": 3,
    "sites.eastmoney.listings_on": ["345"], "sites.eastmoney.listings_off": ["350"],
    "sites.eastmoney.page_size": 50, "sites.choice.delay": 4, "sites.choice.listings_on": ["45"],
    "sites.choice.listings_off": ["37"], "sites.choice.feed_host": "a.test",
    "sites.choice.market_feed_host": "b.test:81", "sites.choice.text_host": "[::1]:82",
    "sites.choice.count": 5,
}  # fmt: skip


def test_every_key_reaches_the_setting_that_it_feeds(plain: Program, tmp_path: Path) -> None:
    """By what Scrapy itself says that it has loaded."""
    write(plain, "data = 'x'\n" + "".join(f"{name} = {toml(OTHER[name])}\n" for name in OTHER))
    code = "__import__('json').dumps(settings.copy_to_dict(), default=str, skipkeys=True)"
    done = plain.scrapy("shell", "-c", code)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    fed = [key for key in keys().values() if key.feeds]
    assert OTHER.keys() | {"data"} == {key.name for key in fed}
    for key in fed:
        assert key.feeds
        value = found[key.feeds]
        if isinstance(value, dict):
            value = value[key.name.split(".")[1]]
        assert value == (str(tmp_path / "x") if key.name == "data" else OTHER[key.name]), key.name


def test_config_tells_what_is_in_force_and_from_where(plain: Program, tmp_path: Path) -> None:
    write(plain, "[crawl]\ndelay = 3\n[sites]\nchoice.text_host = 'a.test'\n")
    plain.env["FINEWS_CONTACT"] = "me@example.com"
    rows = {each["key"]: each for each in plain.json("config")}
    assert list(rows) == list(keys())
    file = tmp_path / FILE
    told = {
        "data": (str(plain.data), "--data", "FINEWS_DATA"),
        "contact": ("me@example.com", "FINEWS_CONTACT", "FINEWS_CONTACT"),
        "crawl.delay": (3, f"{file}:2", "DOWNLOAD_DELAY"),
        "crawl.looks": ([1, 12, 48], "default", "FINEWS_LOOKS"),
        "sites.finews.delay": (3, "crawl.delay", "FINEWS_DELAYS"),
        "sites.eastmoney.delay": (2.0, "default", "FINEWS_DELAYS"),
        "sites.choice.text_host": ("a.test", f"{file}:4", "CHOICE_TEXT_HOST"),
    }
    for name, row in told.items():
        assert (rows[name]["value"], rows[name]["from"], rows[name]["setting"]) == row
    text = plain("config")
    assert max(map(len, text.splitlines())) <= 80
    assert plain("config", "--example") == example_file()
    # A settings module of one's own has its say too.
    plain.env["SCRAPY_SETTINGS_MODULE"] = "tests.fast_settings"
    rows = {each["key"]: each for each in plain.json("config")}
    assert (rows["crawl.patience"]["value"], rows["crawl.patience"]["from"]) == (
        5, "tests.fast_settings",
    )  # fmt: skip
    assert not plain.data.exists()


def test_data_of_the_file_is_where_commands_look(plain: Program, tmp_path: Path) -> None:
    write(plain, "data = 'elsewhere'")
    done = plain.run(plain.command("status")[:-2])
    assert done.returncode == 1
    assert f"no corpus at {tmp_path / 'elsewhere'}" in done.stderr


@pytest.mark.parametrize("command", ["config", "sites", "crawl"])
def test_a_bad_file_is_exit_2_and_nothing_is_begun(plain: Program, command: str) -> None:
    write(plain, "\n[crawl]\ndealy = 1")
    done = plain.run(plain.command(command))
    assert (done.returncode, done.stdout) == (2, "")
    file = plain.env["FINEWS_CONFIG"]
    assert done.stderr == f'finews: {file}:3: [crawl] has no key "dealy"; did you mean delay?\n'
    assert not plain.data.exists()
    assert "Example" in plain(command, "--help")


def test_scrapy_tells_a_bad_file_without_a_traceback(plain: Program) -> None:
    write(plain, "dealy = 1")
    done = plain.scrapy("crawl", "finews")
    assert done.returncode == 2
    file = plain.env["FINEWS_CONFIG"]
    assert done.stderr == f'finews: {file}:1: there is no key "dealy"; did you mean crawl.delay?\n'


def test_the_demo_does_not_read_the_file(plain: Program) -> None:
    write(plain, "dealy = 1")
    assert "23 new of 23" in plain("demo")


def test_scrapy_crawls_by_the_file(plain: Program, miniature: Replica, tmp_path: Path) -> None:
    write(
        plain,
        "data = 'own'\ncontact = 'me@example.com'\n[sites.finews]\n"
        "listings_on = ['cailianshe']\nlistings_off = ['home', 'feed']\n",
    )
    miniature.log.clear()
    plain.data = tmp_path / "own"
    done = plain.scrapy("crawl", "finews", "-s", f"FINEWS_REPLAY={miniature.url}")
    assert done.returncode == 0, done.stderr
    assert plain.rows("SELECT count(*) > 0 FROM articles") == [1]
    assert "/emnews/" in miniature.log
    assert "/category/cailianshe.html" in miniature.log
    assert not {"/", "/feed.xml"} & set(miniature.log)


def test_a_listing_that_is_off_is_walked_when_it_is_named(
    plain: Program, miniature: Replica
) -> None:
    plain.crawl(miniature.url)
    walked = dict(plain.rows("SELECT listing, count(*) FROM walks GROUP BY 1"))
    assert {"home", "cailianshe"} <= walked.keys()
    write(plain, "sites.finews.listings_off = ['home', 'cailianshe']")
    plain.crawl(miniature.url)  # not those that the corpus knows either
    again = dict(plain.rows("SELECT listing, count(*) FROM walks GROUP BY 1"))
    assert {name for name in walked if walked[name] == again[name]} == {"home", "cailianshe"}
    rows = {each["listing"]: each["crawled"] for each in plain.json("sites")}
    assert (rows["home"], rows["cailianshe"], rows["emnews"]) == (False, False, True)
    plain.crawl(miniature.url, "--listing", "home")
    assert plain.rows("SELECT count(*) FROM walks WHERE listing = 'home'") == [2]


class Noting(Replica):
    """Notes who asks."""

    def answer(self, request: Request) -> Answer:
        self.agents.add(request.headers["User-Agent"])
        return super().answer(request)

    agents: ClassVar[set[str]] = set()


def test_sites_contact_and_pauses_of_the_file(plain: Program) -> None:
    """127.1 is this machine by a name that finews does not know, so that pauses are kept."""
    write(
        plain,
        "contact = 'me@example.com'\n[crawl]\nsites = ['finews']\ndelay = 60\n"
        "[sites.finews]\ndelay = 0.2\n",
    )
    replica = Noting(dict(build(bundled_posts())))
    with serve(replica.answer) as url:
        began = time.monotonic()
        asked = ("--listing", "emnews", "--replay", url.replace("127.0.0.1", "127.1"))
        plain.json("crawl", "--since", "2022-05-31", *asked)
        took = time.monotonic() - began
    assert plain.rows("SELECT command FROM runs") == ["crawl finews"]
    assert len(replica.log) > 1
    assert 0.1 * (len(replica.log) - 1) < took < 30
    (agent,) = Noting.agents
    assert agent.endswith("(+me@example.com)")
