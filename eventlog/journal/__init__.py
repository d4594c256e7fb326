"""The append-only table of records: how an append is checked, placed, chained and committed."""
