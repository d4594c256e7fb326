"""Alerts: rules over records, told over channels, each once ever."""
