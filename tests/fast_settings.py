"""The project's settings, less patient: for tests of stalls and servers that fail."""

from crawler.settings import *  # noqa: F403

DOWNLOAD_TIMEOUT = 1
RETRY_TIMES = 1
