"""A land base in PostGIS: its tables and their migrations, connections, history and rasters."""
