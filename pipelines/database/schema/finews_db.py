"""Migrations of ``finews.db``."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from pipelines.database.schema.script import run_script

corpus = Migrations("finews")


@corpus()
def m001_first_version(db: Database) -> None:
    """The main job: articles and all that is known about how they came."""
    run_script(
        db,
        """
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  command TEXT NOT NULL,       -- such as: crawl finews
  started_at TEXT NOT NULL,
  ended_at TEXT,               -- NULL while it runs, and for ever if it was killed
  outcome TEXT,                -- finished | stopped | error
  found INTEGER NOT NULL DEFAULT 0,
  new INTEGER NOT NULL DEFAULT 0,
  changed INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  incomplete INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  requests INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE listings (
  site TEXT NOT NULL,
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  first_seen_at TEXT NOT NULL,
  PRIMARY KEY (site, name)
);

CREATE TABLE walks (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs(id),
  site TEXT NOT NULL,
  listing TEXT NOT NULL,
  started_at TEXT NOT NULL,
  ended_at TEXT,               -- NULL: the walk did not get to its end
  outcome TEXT,                -- end | known | limit | failed
  pages INTEGER NOT NULL DEFAULT 0,
  entries INTEGER NOT NULL DEFAULT 0,
  new INTEGER NOT NULL DEFAULT 0
);
-- does the last walk of this listing leave anything open?
CREATE INDEX walks_by_listing ON walks(site, listing, id);

CREATE TABLE entries (
  id INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  listing TEXT NOT NULL,
  url TEXT NOT NULL,
  info_code TEXT,              -- NULL: the link has none, the entry is skipped
  title TEXT,
  published_at TEXT,           -- NULL unless the listing tells the second
  state TEXT NOT NULL CHECK (state IN ('pending', 'stored', 'failed', 'skipped', 'outside')),
  first_shown_at TEXT NOT NULL,
  run_id INTEGER REFERENCES runs(id),  -- the run that asked for it last
  UNIQUE (site, listing, url)
);
-- one code came by several routes
CREATE INDEX entries_by_code ON entries(info_code) WHERE info_code IS NOT NULL;
-- what is owed, without reading what is done
CREATE INDEX entries_open ON entries(site, state, id) WHERE state IN ('pending', 'failed');

CREATE TABLE articles (
  info_code TEXT PRIMARY KEY,
  site TEXT NOT NULL,
  listing TEXT,
  source TEXT,
  title TEXT,
  digest TEXT,
  published_at TEXT,
  published_raw TEXT,
  url TEXT,
  author TEXT,
  editor TEXT,
  tags TEXT,                   -- JSON list
  paragraphs TEXT NOT NULL,    -- JSON list
  content_hash TEXT NOT NULL,
  revision INTEGER NOT NULL,
  first_seen_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  run_id INTEGER NOT NULL REFERENCES runs(id),
  parser TEXT NOT NULL,
  page TEXT,                   -- pages.sha256 in pages.db: the answer it was parsed from
  text_hash TEXT,              -- of the paragraphs alone; NULL without words
  same_text_as TEXT            -- the info code that had this text first
);
-- export in order of time, and since/until
CREATE INDEX articles_by_time ON articles(published_at, info_code);
-- is this text known under another code?
CREATE INDEX articles_by_text ON articles(text_hash) WHERE text_hash IS NOT NULL;

CREATE TABLE mentions (
  info_code TEXT NOT NULL REFERENCES articles(info_code),
  market TEXT NOT NULL,
  code TEXT NOT NULL,
  name TEXT,
  evidence TEXT NOT NULL CHECK (evidence IN ('chart', 'code', 'link')),
  paragraph INTEGER            -- index into articles.paragraphs
);
CREATE INDEX mentions_by_article ON mentions(info_code);
-- everything that names 1.600519
CREATE INDEX mentions_by_code ON mentions(code, market);

CREATE TABLE sightings (
  info_code TEXT NOT NULL,
  site TEXT NOT NULL,
  listing TEXT NOT NULL,
  url TEXT NOT NULL,
  first_seen_at TEXT NOT NULL,
  PRIMARY KEY (info_code, site, listing, url)
);

-- how much each listing brought
CREATE INDEX sightings_by_listing ON sightings(site, listing, info_code);

CREATE TABLE revisions (
  info_code TEXT NOT NULL REFERENCES articles(info_code),
  revision INTEGER NOT NULL,
  source TEXT,
  title TEXT,
  digest TEXT,
  published_at TEXT,
  url TEXT,
  author TEXT,
  editor TEXT,
  tags TEXT,
  paragraphs TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  page TEXT,
  seen_at TEXT NOT NULL,       -- when we first saw this content
  replaced_at TEXT NOT NULL,   -- when we saw the next
  PRIMARY KEY (info_code, revision)
);

CREATE TABLE failures (
  id INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  listing TEXT,
  info_code TEXT,
  url TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  page TEXT,                   -- pages.sha256 in pages.db; NULL where no answer came
  attempts INTEGER NOT NULL,   -- runs in which it failed
  next_try_at TEXT,            -- a run after this tries again; NULL: given up
  first_failed_at TEXT NOT NULL,
  last_failed_at TEXT NOT NULL,
  resolved_at TEXT,            -- when it succeeded after all
  run_id INTEGER NOT NULL REFERENCES runs(id),
  UNIQUE (site, url)
);
CREATE INDEX failures_by_code ON failures(info_code) WHERE info_code IS NOT NULL;
""",
    )


@corpus()
def m002_routes(db: Database) -> None:
    """Articles come by several routes that differ: keep the body, and what each route gave."""
    run_script(
        db,
        """
ALTER TABLE articles ADD COLUMN category TEXT;   -- the site's own section
ALTER TABLE articles ADD COLUMN body TEXT;       -- HTML of the body, as it came but for scripts
-- fingerprint of what this route gave last; NULL: it was not read, another one was
ALTER TABLE sightings ADD COLUMN content_hash TEXT;
ALTER TABLE entries ADD COLUMN told TEXT;        -- JSON: what else the listing told
ALTER TABLE runs ADD COLUMN filled INTEGER NOT NULL DEFAULT 0;
""",
    )


@corpus()
def m003_hosts(db: Database) -> None:
    """Hosts that refuse are left alone, across runs; sites tag articles with securities."""
    run_script(
        db,
        """
CREATE TABLE hosts (
  host TEXT PRIMARY KEY,
  refusals INTEGER NOT NULL,   -- in a row; 0: it answers again
  rests INTEGER NOT NULL,      -- in a row: the next one is longer
  rests_until TEXT,            -- nothing is asked of it before
  reason TEXT NOT NULL,        -- of its last refusal, such as http-429
  last_refused_at TEXT NOT NULL
);

-- runs that left it since its host went to rest at it: others are asked for first
ALTER TABLE entries ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;

-- evidence may be 'tag' now; SQLite changes a check only by a new table
CREATE TABLE mentions_new (
  info_code TEXT NOT NULL REFERENCES articles(info_code),
  market TEXT NOT NULL,
  code TEXT NOT NULL,
  name TEXT,
  evidence TEXT NOT NULL CHECK (evidence IN ('chart', 'code', 'link', 'tag')),
  paragraph INTEGER            -- index into articles.paragraphs
);
INSERT INTO mentions_new SELECT * FROM mentions ORDER BY rowid;
DROP TABLE mentions;
ALTER TABLE mentions_new RENAME TO mentions;
CREATE INDEX mentions_by_article ON mentions(info_code);
CREATE INDEX mentions_by_code ON mentions(code, market);
""",
    )


@corpus()
def m004_times(db: Database) -> None:
    """What was known when: coverage of listings, looks at articles, every earlier state."""
    run_script(
        db,
        """
CREATE TABLE coverage (
  site TEXT NOT NULL,
  listing TEXT NOT NULL,
  from_at TEXT,                -- NULL: from the beginning of the listing
  to_at TEXT NOT NULL,
  PRIMARY KEY (site, listing, to_at)
);
-- the span of which this walk read all that the listing showed; to_at NULL: of none
ALTER TABLE walks ADD COLUMN from_at TEXT;       -- NULL: from the beginning
ALTER TABLE walks ADD COLUMN to_at TEXT;
ALTER TABLE walks ADD COLUMN covered INTEGER NOT NULL DEFAULT 0;  -- 1: the span is in coverage
CREATE INDEX walks_uncovered ON walks(site, listing) WHERE to_at IS NOT NULL AND NOT covered;

CREATE TABLE looks (
  info_code TEXT PRIMARY KEY,
  url TEXT NOT NULL,           -- where it was looked at
  looks INTEGER NOT NULL,      -- after the first
  looked_at TEXT NOT NULL,
  next_look_at TEXT,           -- NULL: no more
  gone_at TEXT,                -- when the site said that it has it no more
  etag TEXT,
  last_modified TEXT
);
CREATE INDEX looks_due ON looks(next_look_at) WHERE next_look_at IS NOT NULL;

-- SHA-256 of the answer that this route gave last: the same bytes are no revision
ALTER TABLE sightings ADD COLUMN page TEXT;

ALTER TABLE revisions ADD COLUMN site TEXT;
ALTER TABLE revisions ADD COLUMN listing TEXT;
ALTER TABLE revisions ADD COLUMN published_raw TEXT;
ALTER TABLE revisions ADD COLUMN parser TEXT;
ALTER TABLE revisions ADD COLUMN category TEXT;
ALTER TABLE revisions ADD COLUMN run_id INTEGER;
ALTER TABLE revisions ADD COLUMN mentions TEXT;  -- JSON list

-- earlier states that the source did not change: another route filled them, or a parser
-- read the same page better
CREATE TABLE corrections (
  id INTEGER PRIMARY KEY,
  info_code TEXT NOT NULL REFERENCES articles(info_code),
  change TEXT NOT NULL CHECK (change IN ('filled', 'reparsed')),
  revision INTEGER NOT NULL,
  site TEXT NOT NULL,
  listing TEXT,
  source TEXT,
  title TEXT,
  digest TEXT,
  published_at TEXT,
  published_raw TEXT,
  url TEXT,
  author TEXT,
  editor TEXT,
  tags TEXT,
  paragraphs TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  page TEXT,
  parser TEXT NOT NULL,
  category TEXT,
  run_id INTEGER NOT NULL,
  mentions TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  replaced_at TEXT NOT NULL
);
CREATE INDEX corrections_by_code ON corrections(info_code, replaced_at);
""",
    )


@corpus()
def m005_history(db: Database) -> None:
    """Every earlier state whole, found by when it stood; which parser read a route last."""
    run_script(
        db,
        """
-- change may be 'retouched' now: the source changed what is no text; SQLite changes a check
-- only by a new table. body, for exports that need it
CREATE TABLE corrections_new (
  id INTEGER PRIMARY KEY,
  info_code TEXT NOT NULL REFERENCES articles(info_code),
  change TEXT NOT NULL CHECK (change IN ('filled', 'reparsed', 'retouched')),
  revision INTEGER NOT NULL,
  site TEXT NOT NULL,
  listing TEXT,
  source TEXT,
  title TEXT,
  digest TEXT,
  published_at TEXT,
  published_raw TEXT,
  url TEXT,
  author TEXT,
  editor TEXT,
  tags TEXT,
  paragraphs TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  page TEXT,
  parser TEXT NOT NULL,
  category TEXT,
  run_id INTEGER NOT NULL,
  mentions TEXT NOT NULL,      -- JSON list
  body TEXT,
  seen_at TEXT NOT NULL,
  replaced_at TEXT NOT NULL
);
INSERT INTO corrections_new
  SELECT id, info_code, change, revision, site, listing, source, title, digest, published_at,
    published_raw, url, author, editor, tags, paragraphs, content_hash, page, parser, category,
    run_id, mentions, NULL, seen_at, replaced_at FROM corrections;
DROP TABLE corrections;
ALTER TABLE corrections_new RENAME TO corrections;
CREATE INDEX corrections_by_code ON corrections(info_code);
ALTER TABLE revisions ADD COLUMN body TEXT;

-- which states stood at a time?
CREATE INDEX corrections_by_time ON corrections(replaced_at, seen_at);
CREATE INDEX revisions_by_time ON revisions(replaced_at, seen_at);

-- the parser that read this route last: another one may read the same bytes better
ALTER TABLE sightings ADD COLUMN parser TEXT;
ALTER TABLE runs ADD COLUMN improved INTEGER NOT NULL DEFAULT 0;
""",
    )


@corpus()
def m006_duplicates(db: Database) -> None:
    """Near-duplicates among the texts: their groups, and by what they are found."""
    run_script(
        db,
        """
-- the info code of the first article of its group of near-duplicates, its own when it is that
-- or alone; NULL: not grouped yet, the next run does it
ALTER TABLE articles ADD COLUMN duplicate_group TEXT;
-- who else is in this group? without those, nearly all, who are alone
CREATE INDEX articles_by_group ON articles(duplicate_group) WHERE duplicate_group <> info_code;
-- is there any to be grouped?
CREATE INDEX articles_ungrouped ON articles(info_code) WHERE duplicate_group IS NULL;

CREATE TABLE texts (
  id INTEGER PRIMARY KEY,      -- ours: SQLite may number the rows of articles anew
  info_code TEXT NOT NULL UNIQUE REFERENCES articles(info_code),
  published_at TEXT,           -- as in articles: of two, which is first
  sentences BLOB NOT NULL      -- 8 bytes a sentence, little-endian, sorted
);

-- by which sentences a text, or one much like it in its group, is found
CREATE TABLE sentences (
  hash INTEGER NOT NULL,       -- its lowest byte is the length of the sentence
  text INTEGER NOT NULL REFERENCES texts(id),
  PRIMARY KEY (hash, text)
) WITHOUT ROWID;

-- the newest of them, by text. A hash falls anywhere: each of the thousands that a batch posts
-- would rewrite another page of the large table, so they are moved there many at a time
CREATE TABLE recent_sentences (
  text INTEGER PRIMARY KEY REFERENCES texts(id),
  hashes BLOB NOT NULL         -- 8 bytes each, little-endian
);

-- sentences of so many different texts that they tell nothing
CREATE TABLE common_sentences (
  hash INTEGER PRIMARY KEY
);

CREATE TABLE regroupings (
  info_code TEXT NOT NULL REFERENCES articles(info_code),
  duplicate_group TEXT NOT NULL,
  replaced_at TEXT NOT NULL,   -- the article was in that group until then
  PRIMARY KEY (info_code, replaced_at)
);
""",
    )


@corpus()
def m007_unattended(db: Database) -> None:
    """What runs cost and why they ended; what needs a person, and who was told."""
    run_script(
        db,
        """
ALTER TABLE runs ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;     -- of the answers, unpacked
ALTER TABLE runs ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;  -- requests turned away
ALTER TABLE runs ADD COLUMN reason TEXT;         -- why it ended before its end, in words
-- seconds by which the clocks of those who answered were ahead of ours, of the nearest one
ALTER TABLE runs ADD COLUMN clock_off REAL;

ALTER TABLE walks ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE walks ADD COLUMN unchanged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE walks ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE walks ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE walks ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE walks ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
-- what failed and is not stored since
CREATE INDEX failures_open ON failures(site) WHERE resolved_at IS NULL;
-- the articles of a site that came last
CREATE INDEX articles_by_seen ON articles(site, first_seen_at);
-- the walks of one run
CREATE INDEX walks_by_run ON walks(run_id);

ALTER TABLE hosts ADD COLUMN site TEXT;          -- whose crawl it refused last
ALTER TABLE hosts ADD COLUMN run_id INTEGER;     -- the last run that it refused, or that missed it

CREATE TABLE robots (
  host TEXT PRIMARY KEY,
  body BLOB NOT NULL,          -- empty: it has none
  fetched_at TEXT NOT NULL
);

-- how many has a site, and which are its newest? after every run
CREATE INDEX articles_by_site ON articles(site, published_at);

CREATE TABLE alarms (
  id INTEGER PRIMARY KEY,
  rule TEXT NOT NULL,          -- which judgement; see pipelines/health/rules.py
  subject TEXT NOT NULL,       -- the site, host or sink that it is about; "": the data folder
  message TEXT NOT NULL,       -- what is wrong and why we think so, as last judged
  parts TEXT NOT NULL DEFAULT '[]',  -- JSON list: the listings, fields … that are concerned
  opened_at TEXT NOT NULL,
  seen_at TEXT NOT NULL,       -- when it was judged to be so last
  told_at TEXT NOT NULL,       -- when a message of it was written last
  hushed_at TEXT,              -- a person knows: no reminders
  closed_at TEXT               -- when it was well again
);
-- one alarm a cause, however often it is judged
CREATE UNIQUE INDEX alarms_open ON alarms(rule, subject) WHERE closed_at IS NULL;

CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  alarm_id INTEGER NOT NULL REFERENCES alarms(id),
  kind TEXT NOT NULL CHECK (kind IN ('alarm', 'reminder', 'recovery')),
  text TEXT NOT NULL,
  written_at TEXT NOT NULL
);

CREATE TABLE deliveries (
  message_id INTEGER NOT NULL REFERENCES messages(id),
  sink TEXT NOT NULL,          -- command | webhook | mail
  attempts INTEGER NOT NULL,
  tried_at TEXT NOT NULL,
  delivered_at TEXT,           -- NULL: not yet
  error TEXT,                  -- of the last attempt, where that failed
  PRIMARY KEY (message_id, sink)
);
-- what is still to be delivered?
CREATE INDEX deliveries_open ON deliveries(message_id) WHERE delivered_at IS NULL;
""",
    )


@corpus()
def m008_search(db: Database) -> None:
    """Articles are found by any of their characters; and by their source."""
    run_script(
        db,
        """
-- by which row of search each article is found
CREATE TABLE searched (
  id INTEGER PRIMARY KEY,      -- the day times 1048576, and a number: in order of days
  info_code TEXT NOT NULL UNIQUE REFERENCES articles(info_code),
  content_hash TEXT NOT NULL   -- of the state that it is found by
);

-- the characters of text and title, see pipelines/search/grams.py; what is no blank is a token.
-- The long one first: of others each row says which it is
CREATE VIRTUAL TABLE search USING fts5(
  text, title, content='',
  tokenize="ascii tokenchars '!""#$%&''()*+,-./:;<=>?@[\\]^_`{|}~\x1f'"
);

-- by which rules the index was made; no row: it is not whole
CREATE TABLE search_state (
  rules TEXT NOT NULL
);

-- what did a source publish, and when?
CREATE INDEX articles_by_source ON articles(source, published_at);
""",
    )


@corpus()
def m009_status(db: Database) -> None:
    """``finews status`` counts what is unusual without reading every row."""
    run_script(
        db,
        """
-- how many have no title or time?
CREATE INDEX articles_incomplete ON articles(info_code)
  WHERE title IS NULL OR published_at IS NULL;
-- how many have the text of another?
CREATE INDEX articles_same_text ON articles(same_text_as) WHERE same_text_as IS NOT NULL;
-- how many links have no info code?
CREATE INDEX entries_skipped ON entries(url) WHERE state = 'skipped';
""",
    )
