"""Styles and bytes: vector tiles, the report map and the browser application."""
