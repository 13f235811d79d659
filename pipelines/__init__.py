"""Takes records to disk and out again. No HTML here."""
