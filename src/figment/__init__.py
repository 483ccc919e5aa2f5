"""Figment: every way that machines make pictures, run, trained, compared and honestly labelled."""

__version__ = "0.1.0"
__all__ = ["__version__"]
