"""Serving: SavedModels that take text and answer."""
