"""Frigate's API files and MQTT messages become facts."""
