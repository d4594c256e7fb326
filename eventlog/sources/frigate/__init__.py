"""Turns Frigate's API files and MQTT messages into facts."""
