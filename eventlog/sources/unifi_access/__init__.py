"""UniFi Access: doors, readers and intercoms of one console."""
