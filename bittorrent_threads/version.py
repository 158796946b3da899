"""The version, in the one place that setup.cfg, the peer id and the user agent read."""

__version__ = "0.1.0"
