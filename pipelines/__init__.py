"""Takes records to disk and out again. No HTML here."""

import sys

# sqlite_utils loads pandas wherever it is installed, which takes most commands longer than all
# else they do; nothing here needs it to. None means "not found".
if "pandas" not in sys.modules:
    sys.modules["pandas"] = None  # type: ignore[assignment]
    import sqlite_utils  # noqa: F401

    del sys.modules["pandas"]
