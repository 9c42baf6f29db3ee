"""Filters in CQL2 (OGC 21-065r2): text and JSON to a tree, checked against columns, evaluated over frames, pushed to a store."""
