"""The project's settings for a week in minutes: no rest is long enough to keep a test waiting."""

from tests.fast_settings import *  # noqa: F403

# What lies above the patience is for later runs, which have a clock of their own.
FINEWS_RESTS = [1, 120, 600, 3600, 21600, 86400]
FINEWS_PATIENCE = 2
EASTMONEY_PAGE_SIZE = 200
