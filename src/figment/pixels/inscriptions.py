"""The text that travels inside a picture file, in the two places where AUTOMATIC1111 and its kin look for it."""

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

__all__ = ["exif_block", "png_block", "read"]

_KEYWORD = "parameters"
_UNICODE = b"UNICODE\0"  # Exif 2.3, table 9: the comment that follows is UTF-16


def png_block(text: str) -> PngInfo:
    """PNG text chunk of `text`: tEXt where Latin-1 can hold it, else iTXt (UTF-8)."""
    block = PngInfo()
    block.add_text(_KEYWORD, text)
    return block


def exif_block(text: str) -> bytes:
    """EXIF block for JPEG and WebP with `text` as its UserComment."""
    exif = Image.Exif()
    exif.endian = ">"  # readers decode the comment as big-endian UTF-16 whatever the header says; so let it say that
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = _UNICODE + text.encode("utf-16-be")
    return exif.tobytes()


def read(image: Image.Image) -> str:
    """Text that the opened picture `image` carries; empty when there is none."""
    if isinstance(image, PngImageFile):
        return image.text.get(_KEYWORD, "")
    comment = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
    if not isinstance(comment, bytes) or not comment.startswith(_UNICODE):
        return ""
    return comment.removeprefix(_UNICODE).decode("utf-16-be", errors="replace")
