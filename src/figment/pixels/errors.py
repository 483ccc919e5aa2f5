"""What the pixels layer raises. The command line shows it like any other refusal of Figment's."""

__all__ = ["PixelError"]


class PixelError(ValueError):
    """A picture cannot be read, written or drawn; the message is one sentence fit for the user."""
