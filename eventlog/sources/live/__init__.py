"""Sources that are followed live: brokers, websockets, clouds and their histories."""
