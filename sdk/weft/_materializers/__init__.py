"""How values become files and values again, by type."""
