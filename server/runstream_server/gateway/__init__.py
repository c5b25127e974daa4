"""The HTTP door: health, version, metrics and the endpoints for browsers."""
