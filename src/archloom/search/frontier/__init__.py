"""One mapping search for a whole family of machines."""

from archloom.search.frontier.best import FamilyAnswer, family_best

__all__ = ["FamilyAnswer", "family_best"]
