"""The terminal user interface behind `weft ui`; needs the extra `weft[ui]`."""
