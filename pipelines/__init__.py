"""Takes records to disk and out again. No HTML here."""

import sys

# sqlite_utils loads pandas and NumPy wherever they are installed, which takes most commands longer
# than all else they do; nothing here needs it to. None means "not found".
_hidden = {"numpy", "pandas"} - sys.modules.keys()
sys.modules.update(dict.fromkeys(_hidden))  # type: ignore[arg-type]
import sqlite_utils  # noqa: E402, F401

for _name in _hidden:
    del sys.modules[_name]
