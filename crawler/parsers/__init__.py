"""Pure functions from text to records: no network, no database, no clock, no Scrapy."""
