"""Scrapy's side of a worker: it asks for what the collector gives out, and hands over what came.

Chosen by the setting ``FINEWS_REDIS``, see :mod:`crawler.addon`.
"""
