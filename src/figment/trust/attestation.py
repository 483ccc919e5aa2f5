"""What a person confirms before a face may be used, in English and Korean."""

import hashlib

__all__ = ["ENGLISH", "KOREAN", "sha256"]

ENGLISH = (
    "I have this person's permission for this use, or it is my own face, or it is the face of no living person. "
    "No one shown is a minor. "
    "The result will carry a visible label and a signed record that it is a face swap. "
    "Making intimate, fraudulent or harassing fakes is a crime, in Korea even keeping them."
)

KOREAN = (
    "이 용도로 쓰는 것을 당사자에게 허락받았거나, 내 얼굴이거나, 살아 있는 누구의 얼굴도 아닙니다. "
    "미성년자의 얼굴이 아닙니다. "
    "결과물에는 얼굴을 바꾸었다는 눈에 보이는 표시와 서명된 기록이 들어갑니다. "
    "성적이거나, 남을 속이거나, 괴롭히는 합성물을 만드는 것은 범죄이며, 한국에서는 갖고만 있어도 범죄가 될 수 있습니다."
)


def sha256() -> str:
    """Hash of both texts, hexadecimal: a record says by it which wording was confirmed."""
    return hashlib.sha256(f"{ENGLISH}\n{KOREAN}".encode()).hexdigest()
