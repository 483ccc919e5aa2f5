"""What the trust layer raises beside the errors of the core."""

from figment.core.errors import FigmentError

__all__ = ["CredentialsError"]


class CredentialsError(FigmentError):
    """Content Credentials cannot be made: the identity is damaged or an input does not allow it."""
