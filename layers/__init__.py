"""The layers of the land: what is stored about it, and the question that each layer answers."""
