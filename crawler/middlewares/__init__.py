"""Scrapy middlewares: the frontier, and what went wrong on the wire."""
