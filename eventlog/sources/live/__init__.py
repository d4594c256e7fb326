"""Sources that are followed as things happen: brokers, websockets, clouds and their histories."""
