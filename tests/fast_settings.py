"""The project's settings, less patient: for tests of stalls and servers that fail."""

from crawler.settings import *  # noqa: F403

DOWNLOAD_TIMEOUT = 1
RETRY_TIMES = 1
FINEWS_RESTS = [1, 2, 600]
FINEWS_PATIENCE = 5
EASTMONEY_PAGE_SIZE = 20
