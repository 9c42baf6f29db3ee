"""Alembic's migrations of the tables that no layer owns, one a version."""
