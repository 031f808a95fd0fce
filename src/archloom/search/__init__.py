"""Search: the best mapping that exists, or the best that a strategy finds."""
