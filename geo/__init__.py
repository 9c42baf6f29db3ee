"""Geometry of many things at once: arrays in, arrays out, and no word of planning."""
