"""The append-only table of records: what one append is, where it goes, and how it is committed."""
