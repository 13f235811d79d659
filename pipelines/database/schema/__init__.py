"""The tables, and the migrations that bring older files to them: one module for each file.

Each migration is SQL as it stood on its day; append new ones, never edit old ones.
``data/README.md`` explains every column to users.
"""

from pipelines.database.schema.finews_db import corpus
from pipelines.database.schema.pages_db import pages

__all__ = ["corpus", "pages"]
