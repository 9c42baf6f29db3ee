"""Where editions, edits, findings and history live."""
