"""Questions that need several layers."""
