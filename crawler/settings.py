"""Settings of the Scrapy project. Those of finews begin with ``FINEWS_``."""

import os

SPIDER_MODULES = ["crawler.spiders"]
ADDONS = {"crawler.addon.FinewsAddon": 0}

#: The folder of finews.db and pages.db.
FINEWS_DATA = "data"
#: Who runs this crawler: an address or URL that a site's owner can write to.
FINEWS_CONTACT = os.environ.get("FINEWS_CONTACT", "")
#: Where a mirror of the sites stands; see crawler/replay.py.
FINEWS_REPLAY = ""
#: The sites that ``finews crawl`` reads when none is named.
FINEWS_SITES = ["finews", "eastmoney"]

#: How many entries a listing page of Eastmoney is asked for; at most 200.
EASTMONEY_PAGE_SIZE = 200

#: How many hours after we first saw it a new article is looked at again, for edits.
FINEWS_LOOKS = [1, 12, 48]

# Where the feeds of the site choice stand; they moved over the years, and may be dead.
CHOICE_FEED_HOST = "183.136.162.242"
CHOICE_MARKET_FEED_HOST = "43.240.125.15:1818"
CHOICE_TEXT_HOST = "choicewzp1.eastmoney.com"
CHOICE_COUNT = 100

# A good guest: robots.txt, one request at a time a host, a pause between two.
BOT_NAME = "finews"
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = "finews"
CONCURRENT_REQUESTS_PER_DOMAIN = 1
# And one in all: requests then leave in the order of the queue.
CONCURRENT_REQUESTS = 1
DOWNLOAD_DELAY = 1.0
#: A host that refuses rests: the first time so many seconds, the second time …
FINEWS_RESTS = [30, 120, 600, 3600, 6 * 3600, 24 * 3600]
#: A run waits for a rest that ends within so many seconds; longer ones are for later runs.
FINEWS_PATIENCE = 60
# One answer is read to its end before the next request is sent: it may say to stop.
SCRAPER_SLOT_MAX_ACTIVE_SIZE = 0
# What failed for now is asked so often again in the same run, behind all else that is owed.
RETRY_TIMES = 2
DOWNLOAD_TIMEOUT = 15
DOWNLOAD_MAXSIZE = 16 << 20
DOWNLOAD_WARNSIZE = 0
COOKIES_ENABLED = False
METAREFRESH_ENABLED = False

# No port that runs code.
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False

DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
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
# The frontier lets every URL through once; a second memory would only grow.
DUPEFILTER_CLASS = "scrapy.dupefilters.BaseDupeFilter"
# In the order of the listings: a run that was killed and resumed then ends like a whole one.
SCHEDULER_MEMORY_QUEUE = "scrapy.squeues.FifoMemoryQueue"
SCHEDULER_START_MEMORY_QUEUE = "scrapy.squeues.FifoMemoryQueue"
LOG_LEVEL = "INFO"
