"""Worlds in which the program is killed: what it reads, and what it should end with.

A :class:`World` says what is served, what stood in the data folder before, which command runs
and what came of it. A phase (see ``PHASES``) is a world, a moment to kill in, and a look at
what the kill left that tells whether it fell there. For another command write a world and add
its phases to the list.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from crawler.demo.site import Post, build, post
from pipelines.database import schema
from pipelines.database.verify import problems
from tests import eastmoney, old, replica, searching
from tests.conftest import ROOT, Program
from tests.eastmoney import EastmoneyReplica, make_stories
from tests.replica import Answer, Replica

Server = Replica | EastmoneyReplica
Corpus = Callable[[Program], dict[str, list[Any]]]

_CATEGORIES = {
    "emnews": "东财滚动新闻",
    "jiaohangbao": "交行报新闻",
    "caixunwang": "财讯网新闻",
    "guojibao": "国际报新闻",
    "zhengquan": "证券报新闻",
}
_HELD = 0.004  # seconds that each answer takes: else a crawl is over before it can be killed
DELAYED = 1.5  # after so many seconds for start and end, whatever did not happen will not


class World:
    """A command, all that it reads, and what it makes."""

    name: str
    #: Exit codes of the command when nobody disturbs it.
    codes: tuple[int, ...] = (0,)
    #: Is all that stands there made by the program, so that ``finews db verify`` is content?
    sound = True

    def __init__(self, folder: Path, corpus_of: Corpus) -> None:
        self.folder = folder
        self._corpus_of = corpus_of

    def serving(self) -> AbstractContextManager[Server | None]:
        """What the command reads from."""
        return nullcontext()

    def command(self, server: Server | None, data: Path) -> list[str]:
        raise NotImplementedError

    def before(self, data: Path) -> None:
        """Make the data folder as it stands before the command."""

    def result(self, program: Program) -> Any:
        """What the command made, without when."""
        said = self._corpus_of(program)
        said["pages"] = program.rows(
            "SELECT site, info_code, url, status, sha256 FROM pages ORDER BY 3, 4, 5",
            file="pages.db",
        )
        said["terms"] = searching.terms(program.data)
        assert said["terms"] == searching.whole(program.data)
        said["gone"] = program.rows("SELECT info_code, url, gone_at IS NULL FROM looks ORDER BY 1")
        return said

    @cached_property
    def base(self) -> Path:
        """The data folder before the command, made once."""
        made = self.folder / f"{self.name}-before"
        made.mkdir(parents=True)
        self.before(made)
        return made

    @cached_property
    def whole(self) -> tuple[int, Any]:
        """Exit code and result of the command that is never killed."""
        shutil.rmtree(self.folder / f"{self.name}-whole", ignore_errors=True)
        program = Program(shutil.copytree(self.base, self.folder / f"{self.name}-whole"))
        with self.serving() as server:
            done = program.run(program.command(*self.command(server, program.data)))
            assert done.returncode in self.codes, (done.returncode, done.stdout, done.stderr)
            self.seen = kinds(server)
        return done.returncode, self.result(program)

    @property
    def answers(self) -> list[bool]:
        """Of the answers that the whole run had, in order: is it a listing's?"""
        assert self.whole
        return self.seen


def kinds(server: Server | None) -> list[bool]:
    """Of the requests that a server had, in order: is it for a listing?"""
    if isinstance(server, Replica):
        return [path.count("/") < 5 for path in server.log]
    return [each.route.is_list for each in server.log] if server else []


def posts(numbers: range, edited: str = "") -> list[Post]:
    """Posts of five categories, newest last; every ninth has the words of another."""
    names = list(_CATEGORIES)
    return [
        post(
            f"NW20220601{number:010}",
            title=f"第{number}号公告{edited if number % 20 == 7 else ''}",
            date=f"2022-06-01 {number // 60:02}:{number % 60:02}:00 +0800",
            category=(name := names[number * 7 % 5]),
            tag=_CATEGORIES[name],
            body=f"<p>正文第{number - number % 9}段，晨星锂业（300750）同比增长。</p>",
            digest=f"摘要第{number}号。",
        )
        for number in numbers
    ]


def blog(made: list[Post]) -> dict[str, bytes | Answer]:
    """Their site, two pages of it broken."""
    pages: dict[str, bytes | Answer] = dict(build(made))
    pages[made[3].path] = Answer(b"<html><body>busy</body></html>")
    pages[made[5].path] = Answer(status=404)
    return pages


class Blog(World):
    """The finews site, for the first time."""

    name = "finews"
    codes: tuple[int, ...] = (3,)  # of the broken pages
    count = 130

    def serving(self) -> AbstractContextManager[Server | None]:
        return _held(replica.serving(blog(posts(range(self.count)))))

    def command(self, server: Server | None, data: Path) -> list[str]:
        assert server
        return ["crawl", "finews", "--replay", server.url]


class LaterBlog(Blog):
    """The finews site, when articles came and others were edited."""

    name = "finews-later"
    codes: tuple[int, ...] = (
        0,
        3,
    )  # of the gap, which is told once: perhaps by the run that was killed

    def serving(self) -> AbstractContextManager[Server | None]:
        return _held(replica.serving(blog(posts(range(self.count + 40), "（更正）"))))

    def before(self, data: Path) -> None:
        program = Program(data)
        with replica.serving(blog(posts(range(self.count)))) as server:
            program.crawl(server.url, code=3)
        _untried(program)


class Old(Blog):
    """The same, in a data folder of an earlier version, which is migrated first."""

    sound = False

    def __init__(self, folder: Path, corpus_of: Corpus, version: str) -> None:
        super().__init__(folder, corpus_of)
        self.version = version
        self.name = f"old-{version}"

    def before(self, data: Path) -> None:
        path = old.restore(data, "finews", self.version)
        old.mend(path)
        old.restore(data, "pages", old.names(schema.pages)[0])
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("DELETE FROM failures WHERE resolved_at IS NULL")  # not on this site
            db.execute("DELETE FROM entries WHERE state <> 'stored'")
            db.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)"
                " INSERT INTO mentions SELECT info_code, market, code, name, 'link', i"
                " FROM n, mentions WHERE evidence = 'code'"
            )


class Columns(World):
    """Three columns of Eastmoney and the fast news, with articles in several and pages."""

    name = "eastmoney"
    stories = make_stories(120, ("350", "344", "345"), 5)
    listings: tuple[str, ...] = ("350", "344", "345", "7x24")

    def serving(self) -> AbstractContextManager[Server | None]:
        return _held(eastmoney.serving(self.stories))

    def command(self, server: Server | None, data: Path) -> list[str]:
        assert server
        names = [word for name in self.listings for word in ("--listing", name)]
        return ["crawl", "eastmoney", *names, "--replay", server.url]


class LaterColumns(Columns):
    """Two columns when stories came and others had another title, up to covered ground."""

    name = "eastmoney-later"
    stories = make_stories(320, ("350", "344"), 5)
    listings = ("350", "344")

    @contextmanager
    def _edited(self) -> Iterator[EastmoneyReplica]:
        with eastmoney.serving(self.stories) as server:
            server.edited = {each.code: f"{each.title}（更新）" for each in self.stories[70:120:10]}
            yield server

    def serving(self) -> AbstractContextManager[Server | None]:
        return _held(self._edited())

    def before(self, data: Path) -> None:
        program = Program(data)
        with eastmoney.serving(self.stories[50:]) as server:
            program(*self.command(server, data))


class Ingest(World):
    """Two folders of post files; some tell the same article, two are broken."""

    name = "ingest"
    codes = (3,)
    count = 1000

    @cached_property
    def files(self) -> Path:
        top = self.folder / f"{self.name}-files"
        for part, made in (("_posts", range(self.count)), ("old_post", range(0, self.count, 5))):
            (top / part).mkdir(parents=True)
            for one in posts(made, part):
                (top / part / one.name).write_bytes(one.text.encode())
        (top / "_posts" / "2022-06-01-NW202206010000009999.md").write_bytes(b"---\ntitle: [\n---\n")
        (top / "old_post" / "2022-06-01-NW202206010000009998.md").write_bytes(b"no post")
        return top

    def command(self, server: Server | None, data: Path) -> list[str]:
        return ["ingest", str(self.files)]


class Export(World):
    """A dataset written over an earlier one of fewer articles."""

    def __init__(self, ingest: Ingest, format: str) -> None:
        super().__init__(ingest.folder, ingest._corpus_of)
        self._ingest = ingest
        self.format = format
        self.name = f"export-{format}"

    def before(self, data: Path) -> None:
        assert self._ingest.whole
        shutil.copytree(
            self._ingest.folder / f"{self._ingest.name}-whole", data, dirs_exist_ok=True
        )

    def dest(self, data: Path) -> Path:
        folders = {"jekyll": "site", "hf": "news"}
        return data / "out" / folders.get(self.format, f"news.{self.format}")

    def command(self, server: Server | None, data: Path) -> list[str]:
        more = ["--prune"] if self.format == "jekyll" else []
        return ["export", str(self.dest(data)), "--format", self.format, *more]

    def result(self, program: Program) -> Any:
        out = program.data / "out"
        return {
            str(each.relative_to(out)): each.read_bytes()
            for each in sorted(out.rglob("*"))
            if each.is_file()
        }


class Reparse(World):
    """Articles that an older parser read worse, and their stored pages."""

    name = "reparse"
    codes = (3,)  # of the broken files
    sound = False  # articles are made worse by hand

    def __init__(self, ingest: Ingest) -> None:
        super().__init__(ingest.folder, ingest._corpus_of)
        self._ingest = ingest

    def before(self, data: Path) -> None:
        assert self._ingest.whole
        whole = self._ingest.folder / f"{self._ingest.name}-whole"
        shutil.copytree(whole, data, dirs_exist_ok=True)
        with closing(sqlite3.connect(data / "finews.db")) as db, db:
            db.execute("UPDATE articles SET paragraphs = '[]', digest = NULL, parser = 'old/1'")
            db.execute("UPDATE sightings SET content_hash = '1:0', parser = 'old/1'")
        old.mend(data / "finews.db")
        Program(data)("search", "--rebuild")

    def command(self, server: Server | None, data: Path) -> list[str]:
        return ["reparse", "--processes", "2"]

    def result(self, program: Program) -> Any:
        kept = "SELECT info_code, change, parser FROM corrections ORDER BY 1, 2"
        return {**super().result(program), "corrections": program.rows(kept)}


class Merge(World):
    """A corpus that is merged into one which has a part of its articles, by other files."""

    name = "merge"

    def __init__(self, ingest: Ingest) -> None:
        super().__init__(ingest.folder, ingest._corpus_of)
        self._ingest = ingest

    def before(self, data: Path) -> None:
        Program(data)("ingest", str(self._ingest.files / "old_post"), code=3)

    def command(self, server: Server | None, data: Path) -> list[str]:
        assert self._ingest.whole
        return ["ingest", str(self._ingest.folder / f"{self._ingest.name}-whole")]

    def result(self, program: Program) -> Any:
        kept = "SELECT info_code, change, parser FROM corrections ORDER BY 1, 2, id"
        return {**super().result(program), "corrections": program.rows(kept)}


class Rebuild(World):
    """The search index of all articles, made anew."""

    name = "rebuild"

    def __init__(self, ingest: Ingest) -> None:
        super().__init__(ingest.folder, ingest._corpus_of)
        self._ingest = ingest

    def before(self, data: Path) -> None:
        assert self._ingest.whole
        whole = self._ingest.folder / f"{self._ingest.name}-whole"
        shutil.copytree(whole, data, dirs_exist_ok=True)

    def command(self, server: Server | None, data: Path) -> list[str]:
        return ["search", "--rebuild"]


class LaterExport(Export):
    def __init__(self, ingest: Ingest, format: str) -> None:
        super().__init__(ingest, format)
        self.name = f"export-{format}-again"

    def before(self, data: Path) -> None:
        super().before(data)
        Program(data)(*self.command(None, data), "--until", "2022-06-01T05:00:00")


@contextmanager
def _held(serving: AbstractContextManager[Server]) -> Iterator[Server]:
    with serving as server:
        server.delay = _HELD
        yield server


def _untried(program: Program) -> None:
    """What failed is given up: else it would be tried by as many runs as there are kills."""
    program.write("UPDATE failures SET next_try_at = NULL")


@dataclass
class Victim:
    """A run of the program that is to be killed; ``chance`` says when."""

    world: World
    program: Program
    server: Server | None
    process: subprocess.Popen[bytes]
    chance: random.Random
    asked: int = 0  # requests that the server had before this run
    born: float = field(default_factory=time.monotonic)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def until(self, happens: Callable[[], object]) -> bool:
        """Wait until something happens, or the program ends."""
        while self.alive:
            if happens():
                return True
            time.sleep(0.0002)
        return False

    def file(self, name: str) -> Path:
        return self.program.data / name

    def written(self, name: str) -> Callable[[], bool]:
        """Has the file been written to since?"""
        path = self.file(name)
        before = _stamp(path)
        return lambda: _stamp(path) != before

    def pause(self, most: float) -> None:
        """A random fraction of a second."""
        time.sleep(self.chance.uniform(0, most))

    @property
    def last_is_listing(self) -> bool | None:
        seen = kinds(self.server)[self.asked :]
        return seen[-1] if seen else None


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_size


class Phase(NamedTuple):
    """A part of a run: ``moment`` waits for it, ``fell`` tells whether the kill fell there."""

    name: str
    world: str
    moment: Callable[[Victim], object]
    fell: Callable[[Victim], bool]

    def __str__(self) -> str:
        return f"{self.name} of {self.world}"


def _answered(*, listing: bool) -> Callable[[Victim], object]:
    def moment(victim: Victim) -> None:
        """A random one of the requests of this kind, and what comes of it."""
        turn = victim.chance.randint(1, victim.world.answers.count(listing))
        seen = lambda: kinds(victim.server)[victim.asked :].count(listing) >= turn  # noqa: E731
        victim.until(seen)
        victim.pause(0.002 + 2 * _HELD)

    return moment


def _listing(victim: Victim) -> bool:
    return victim.last_is_listing is True


def _article(victim: Victim) -> bool:
    return victim.last_is_listing is False


def _flush(victim: Victim) -> None:
    """Between the commits to pages.db and to finews.db."""
    first = victim.chance.randint(1, victim.world.answers.count(False))
    victim.until(lambda: kinds(victim.server)[victim.asked :].count(False) >= first)
    victim.until(victim.written("pages.db-wal"))
    victim.pause(0.004)


def _half_flushed(victim: Victim) -> bool:
    """Are there pages of articles that nothing was made of yet?"""
    with copied(victim.program) as data, closing(sqlite3.connect(data / "finews.db")) as db:
        db.execute("ATTACH ? AS p", (str(data / "pages.db"),))
        return bool(
            db.execute(
                "SELECT 1 FROM p.pages WHERE info_code NOT IN (SELECT info_code FROM articles)"
                " AND info_code NOT IN (SELECT info_code FROM failures WHERE info_code NOT NULL)"
            ).fetchone()
        )


def _writing(victim: Victim) -> None:
    """Some writes later: of ingest, and of whatever else writes without asking a server."""
    for _ in range(victim.chance.randint(1, 10)):
        victim.until(victim.written(victim.chance.choice(("pages.db-wal", "finews.db-wal"))))
    victim.pause(0.03)


def _rereading(victim: Victim) -> None:
    for _ in range(victim.chance.randint(1, 8)):
        victim.until(victim.written("finews.db-wal"))
    victim.pause(0.05)


def _unended(victim: Victim) -> bool:
    with copied(victim.program) as data, closing(sqlite3.connect(data / "finews.db")) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone():
            return False
        return bool(db.execute("SELECT ended_at FROM runs ORDER BY id DESC").fetchone() == (None,))


def _indexing(victim: Victim) -> None:
    victim.until(victim.written("finews.db-wal"))
    time.sleep(10 ** victim.chance.uniform(-3, -0.5))


def _half_indexed(victim: Victim) -> bool:
    with copied(victim.program) as data, closing(sqlite3.connect(data / "finews.db")) as db:
        return db.execute("SELECT 1 FROM search_state").fetchone() is None


def _migrating(victim: Victim) -> None:
    victim.until(victim.written("finews.db-wal"))
    time.sleep(10 ** victim.chance.uniform(-4, -1))


def _half_migrated(victim: Victim) -> bool:
    with copied(victim.program) as data, closing(sqlite3.connect(data / "finews.db")) as db:
        applied = db.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()[0]
        return bool(applied < len(old.names(schema.corpus)))


def _exporting(victim: Victim) -> None:
    world = victim.world
    assert isinstance(world, Export)
    dest = world.dest(victim.program.data)
    if world.format == "jekyll":
        posts = dest / "_posts"
        before = _stamp(posts)
        victim.until(lambda: _stamp(posts) != before)
        victim.pause(0.1)
    else:
        victim.until(lambda: any(dest.parent.glob(".*.part")) if dest.parent.exists() else False)
        victim.pause(0.03)


def _half_exported(victim: Victim) -> bool:
    """Is the dataset not whole yet, and is what stands there still the earlier one?"""
    world = victim.world
    assert isinstance(world, Export)
    dest, before = world.dest(victim.program.data), world.dest(world.base)
    if world.format == "jekyll":
        made = len(list((dest / "_posts").glob("*.md")))
        return bool(made < sum(name.endswith(".md") for name in world.whole[1]))
    now, earlier = _tree(dest), _tree(before)
    whole = {Path(name): text for name, text in world.whole[1].items()}
    # A folder that takes an older one's place is away for a moment.
    assert now in ({}, earlier, whole)
    return bool(now != whole and any(dest.parent.glob(".*.part")))


def _tree(dest: Path) -> dict[Path, bytes]:
    """The bytes of a file or of all in a folder, by their paths beside it; empty: not there."""
    files = [dest] if dest.is_file() else (each for each in dest.rglob("*") if each.is_file())
    return {each.relative_to(dest.parent): each.read_bytes() for each in files}


#: In the order in which the kills go round: the first nine hold each kind once.
PHASES = [
    Phase("listing", "eastmoney", _answered(listing=True), _listing),
    Phase("article", "finews", _answered(listing=False), _article),
    Phase("flush", "eastmoney", _flush, _half_flushed),
    Phase("migration", "old-m001_first_version", _migrating, _half_migrated),
    Phase("export", "export-jsonl", _exporting, _half_exported),
    Phase("ingest", "ingest", _writing, _unended),
    Phase("reparse", "reparse", _rereading, _unended),
    Phase("index", "rebuild", _indexing, _half_indexed),
    Phase("merge", "merge", _writing, _unended),
    Phase("listing", "finews", _answered(listing=True), _listing),
    Phase("export", "export-jekyll-again", _exporting, _half_exported),
    Phase("article", "eastmoney", _answered(listing=False), _article),
    Phase("listing", "eastmoney-later", _answered(listing=True), _listing),
    Phase("article", "finews-later", _answered(listing=False), _article),
    Phase("migration", "old-m002_routes", _migrating, _half_migrated),
    Phase("flush", "finews", _flush, _half_flushed),
    Phase("listing", "finews-later", _answered(listing=True), _listing),
    Phase("export", "export-csv-again", _exporting, _half_exported),
    Phase("article", "eastmoney-later", _answered(listing=False), _article),
    Phase("flush", "finews-later", _flush, _half_flushed),
    Phase("export", "export-jekyll", _exporting, _half_exported),
    Phase("export", "export-hf-again", _exporting, _half_exported),
    Phase("export", "export-hf", _exporting, _half_exported),
]


def worlds(folder: Path, corpus_of: Corpus) -> dict[str, World]:
    """All worlds by name."""
    plain = (Blog, LaterBlog, Columns, LaterColumns)
    ingest = Ingest(folder, corpus_of)
    made: list[World] = [ingest, Reparse(ingest), Merge(ingest), Rebuild(ingest)]
    made += [kind(folder, corpus_of) for kind in plain]
    made += [Old(folder, corpus_of, version) for version in old.names(schema.corpus)[:-1]]
    for format in ("csv", "hf", "jekyll", "jsonl"):
        made += [Export(ingest, format), LaterExport(ingest, format)]
    return {world.name: world for world in made}


@contextmanager
def copied(program: Program) -> Iterator[Path]:
    """What a kill left, to be looked at without mending it."""
    copy = program.data.with_name(f"{program.data.name}-copy")
    shutil.copytree(program.data, copy, ignore=shutil.ignore_patterns("*-shm", "out"))
    try:
        yield copy
    finally:
        shutil.rmtree(copy)


def check(program: Program, world: World | None = None) -> None:
    """What must hold at every moment, whatever was being written."""
    with copied(program) as data:
        if world and world.sound and (data / "finews.db").exists():
            assert list(problems(data)) == []
        for name in ("finews.db", "pages.db"):
            if (data / name).exists():
                with closing(sqlite3.connect(data / name)) as db:
                    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if not (data / "pages.db").exists():
            return
        with closing(sqlite3.connect(data / "finews.db")) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'articles'").fetchone():
                return
            db.execute("ATTACH ? AS p", (str(data / "pages.db"),))
            if not db.execute("SELECT 1 FROM p.sqlite_master WHERE name = 'pages'").fetchone():
                return
            lost = "page NOT NULL AND page NOT IN (SELECT sha256 FROM p.bodies)"
            assert (
                db.execute(
                    f"SELECT * FROM articles WHERE {lost} AND length(page) = 64"
                    " AND page NOT LIKE '1111%'"
                ).fetchall()
                == []
            )
            assert db.execute(f"SELECT * FROM failures WHERE {lost}").fetchall() == []
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
            stored = "SELECT * FROM entries WHERE state = 'stored' AND info_code NOT IN"
            assert db.execute(f"{stored} (SELECT info_code FROM articles)").fetchall() == []


def run_killed(phase: Phase, world: World, folder: Path, chance: random.Random) -> str | None:
    """Kill in the phase, at times once more; then run undisturbed. What differs, if anything.

    Tries again where the kill did not fall into the phase.
    """
    for _ in range(25):
        shutil.rmtree(folder, ignore_errors=True)
        program = Program(shutil.copytree(world.base, folder / "data"))
        with world.serving() as server:
            errors = folder / "stderr"
            if not _killed(phase, world, program, server, chance, errors):
                continue
            check(program, world)
            if chance.random() < 0.3:  # and again, wherever it is by then
                _kill(world, program, server, chance, errors, lambda v: v.pause(DELAYED))
                check(program, world)
            if chance.random() < 0.3:
                done = program.run(program.command("status"))
                assert done.returncode in (0, 1) and "Traceback" not in done.stderr
            done = program.run(program.command(*world.command(server, program.data)))
        assert "Traceback" not in errors.read_text() + done.stderr
        check(program, world)
        return difference(world, program, done.returncode, done.stderr)
    return f"no kill fell into the {phase}"


def _killed(
    phase: Phase,
    world: World,
    program: Program,
    server: Server | None,
    chance: random.Random,
    errors: Path,
) -> bool:
    victim = _kill(world, program, server, chance, errors, phase.moment)
    return victim.process.returncode == -signal.SIGKILL and phase.fell(victim)


def _kill(
    world: World,
    program: Program,
    server: Server | None,
    chance: random.Random,
    errors: Path,
    moment: Callable[[Victim], object],
) -> Victim:
    command = program.command(*world.command(server, program.data))
    with errors.open("ab") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, env=program.env, stdout=subprocess.DEVNULL, stderr=file
        )
    asked = len(server.log) if server else 0
    victim = Victim(world, program, server, process, chance, asked)
    try:
        moment(victim)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return victim


def difference(world: World, program: Program, code: int, stderr: str = "") -> str | None:
    """How a data folder differs from that of the run that was never killed."""
    _, whole = world.whole
    found = world.result(program)
    if code not in world.codes:
        return f"exit code {code}, not {world.codes}: {stderr}"
    for name in sorted(whole.keys() | found.keys()):
        one, other = whole.get(name), found.get(name)
        if one == other:
            continue
        if isinstance(one, list) and isinstance(other, list):
            lost = [row for row in one if row not in other]
            added = [row for row in other if row not in one]
            return f"{name}: lost {lost[:3]}, added {added[:3]} ({len(lost)}, {len(added)})"
        return f"{name}: {'gone' if other is None else 'left' if one is None else 'differs'}"
    return None


def make(seed: int) -> random.Random:
    return random.Random(seed)


def count() -> int:
    """How many kills are asked for."""
    return int(os.environ.get("FINEWS_KILLS") or 9)
