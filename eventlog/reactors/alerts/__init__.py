"""Alerts: rules select records, and each alert is sent once over its channels."""
