"""Measures of pictures: what they show, and how near they are to others."""
