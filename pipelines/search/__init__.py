"""Finding articles by what they say: which characters are one, what a query asks for, and what of
a text to show. No SQL here; the index is :mod:`pipelines.database.search`.
"""
