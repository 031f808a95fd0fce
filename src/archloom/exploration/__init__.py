"""Exploring hardware: spaces of designs, strategies over them, and studies of what was found."""
