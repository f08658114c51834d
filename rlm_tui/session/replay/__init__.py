"""Playing a past session again: the same fold, at any moment of its log."""
