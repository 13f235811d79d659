"""Settings of the Scrapy project. Those of finews begin with ``FINEWS_``.

What ``finews.toml`` may say is defined in ``crawler/config.py``, with its default.
"""

import sys

from crawler.config_file import load
from crawler.errors import BadSettings

try:
    _given = load().settings
except BadSettings as error:
    # The commands of finews have read the file before; Scrapy would show a traceback.
    sys.stderr.write(f"finews: {error}\n")
    sys.exit(2)
_crawl, _sites = _given.crawl, _given.sites

SPIDER_MODULES = ["crawler.spiders"]
ADDONS = {"crawler.addon.FinewsAddon": 0}

#: The folder of finews.db and pages.db.
FINEWS_DATA = str(_given.data)
#: Who runs this crawler: an address or URL that a site's owner can write to.
FINEWS_CONTACT = _given.contact
#: Where a mirror of the sites stands; see crawler/replay.py.
FINEWS_REPLAY = ""
#: The Redis by which many crawl together; empty: this process does all. See docs/scale.md.
FINEWS_REDIS = ""
#: Of many: who is not heard of for so many seconds counts as dead. The same for all.
FINEWS_SILENCE = 15.0
#: Of a worker: read only what is due by now; failures to try again, by site a list of URLs.
FINEWS_DUE = False
FINEWS_RETRY: dict[str, list[str]] = {}
#: The sites that ``finews crawl`` reads when none is named.
FINEWS_SITES = list(_crawl.sites)
#: By site: its pause, names of listings that are walked beside those of the spider, or not at all.
FINEWS_DELAYS = {site: own.delay for site, own in _sites.items() if own.delay is not None}
FINEWS_LISTINGS_ON = {site: list(own.listings_on) for site, own in _sites.items()}
FINEWS_LISTINGS_OFF = {site: list(own.listings_off) for site, own in _sites.items()}

#: How many entries a listing page of Eastmoney is asked for; at most 200.
EASTMONEY_PAGE_SIZE = _sites.eastmoney.page_size

#: How many hours after we first saw it a new article is looked at again, for edits.
FINEWS_LOOKS = list(_crawl.looks)

# Where the feeds of the site choice stand; they moved over the years, and may be dead.
CHOICE_FEED_HOST = _sites.choice.feed_host
CHOICE_MARKET_FEED_HOST = _sites.choice.market_feed_host
CHOICE_TEXT_HOST = _sites.choice.text_host
CHOICE_COUNT = _sites.choice.count

# A good guest: robots.txt, one request at a time a host, a pause between two.
BOT_NAME = "finews"
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = "finews"
CONCURRENT_REQUESTS_PER_DOMAIN = 1
# And one in all: requests then leave in the order of the queue.
CONCURRENT_REQUESTS = 1
DOWNLOAD_DELAY = _crawl.delay
#: A host that refuses rests: the first time so many seconds, the second time …
FINEWS_RESTS = list(_crawl.rests)
#: A run waits for a rest that ends within so many seconds; longer ones are for later runs.
FINEWS_PATIENCE = _crawl.patience
# One answer is read to its end before the next request is sent: it may say to stop.
SCRAPER_SLOT_MAX_ACTIVE_SIZE = 0
# What failed for now is asked so often again in the same run, behind all else that is owed.
RETRY_TIMES = 2
DOWNLOAD_TIMEOUT = _crawl.timeout
DOWNLOAD_MAXSIZE = 16 << 20
DOWNLOAD_WARNSIZE = 0
COOKIES_ENABLED = False
METAREFRESH_ENABLED = False

# No port that runs code.
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False

DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    # They would look at every request for what no site here has: a password, a domain to stay in.
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    # The frontier asks again, once it knows whether the page or its host is at fault.
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": None,
    "crawler.middlewares.guest.RobotsMiddleware": 100,
    "crawler.middlewares.guest.GuestMiddleware": 150,
}
SPIDER_MIDDLEWARES = {
    "crawler.middlewares.frontier.FrontierMiddleware": 900,
    # It drops requests without a word, and an entry must have an outcome.
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
    # Not needed: nothing here goes by depth.
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
}
ITEM_PIPELINES = {"pipelines.scrapy.ValidatePipeline": 100, "pipelines.scrapy.StorePipeline": 300}
SPIDER_CONTRACTS = {"crawler.contracts.BundledListing": 1, "crawler.contracts.BundledArticle": 2}
# Pipelines here never wait; the default of 100 starts that many tasks for each answer.
CONCURRENT_ITEMS = 1
# It would read the source of a callback anew for every answer: half a millisecond.
WARN_ON_GENERATOR_RETURN_VALUE = False
# The frontier lets every URL through once; a second memory would only grow.
DUPEFILTER_CLASS = "scrapy.dupefilters.BaseDupeFilter"
# In the order of the listings, one to its end before the next, whichever hosts they stand on: a run
# that was killed and resumed, and one by many, then end like a whole one. What begins a walk waits
# in a queue of its own, by a mark that Scrapy's StartSpiderMiddleware leaves.
SCHEDULER_MEMORY_QUEUE = "scrapy.squeues.FifoMemoryQueue"
SCHEDULER_PRIORITY_QUEUE = "scrapy.pqueues.ScrapyPriorityQueue"
SCHEDULER_START_MEMORY_QUEUE = "scrapy.squeues.FifoMemoryQueue"
LOG_LEVEL = "INFO"
