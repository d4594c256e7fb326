"""The server process around the app: uvicorn, limits, metrics, and probes for health."""
