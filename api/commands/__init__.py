"""The commands of `shudi`, one module for each thing that people do."""
