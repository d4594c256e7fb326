"""An open log: `EventStore` for writing, `Reader` for reading, and what a start finds."""
