"""The HTTP API for programs: endpoints, response types, and their OpenAPI description."""
