"""Quality of a swap, in numbers."""
