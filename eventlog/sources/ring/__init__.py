"""Ring: doorbells, cameras and intercoms, by push, by history and by ring-mqtt."""
