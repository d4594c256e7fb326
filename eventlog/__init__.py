"""eventlog: the record that a video doorbell and smart lock keeps of everything at a door."""
