"""Decision records: what was asked, known, decided and answered, kept in local append-only segment files."""
