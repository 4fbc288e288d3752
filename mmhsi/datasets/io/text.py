"""Text files in the usual encodings of headers and tables of spectra."""

import codecs
import os

from .errors import CubeReadError, explained

_MARKS = ((codecs.BOM_UTF8, 'utf-8-sig'), (codecs.BOM_UTF16_LE, 'utf-16'), (codecs.BOM_UTF16_BE, 'utf-16'))


def decode(content: bytes) -> str:
    """Decode bytes in UTF-8, UTF-16 (with or without a byte order mark), GBK or Latin-1.

    The last two cannot be distinguished with certainty. Chinese text consists of pairs of non-ASCII bytes, while
    Latin-1 characters (µ, °) occur singly among ASCII. The second byte of a pair may be that of a brace: the braces of
    the text are balanced in the right encoding.

    Args:
        content (bytes): The bytes.

    Returns:
        str: The text.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, errors='replace')
    start = content[:1000]
    for encoding, high in (('utf-16-le', start[1::2]), ('utf-16-be', start[::2])):
        # most letters are ASCII, which has a zero in its higher byte
        if len(start) > 3 and high.count(0) > 0.7 * len(high) and start.count(0) < 1.1 * high.count(0):
            return content.decode(encoding, errors='replace')
    try:
        return content.decode('utf-8')
    except UnicodeDecodeError:
        pass
    try:
        text = content.decode('gb18030')
    except UnicodeDecodeError:
        return content.decode('latin-1')
    signs = sum(ord(letter) > 127 for letter in text)
    paired = sum(byte > 127 for byte in content) >= 1.5 * signs
    latin = content.decode('latin-1')
    swallowed = latin.count('{') == latin.count('}') and text.count('{') != text.count('}')
    return text if paired and not swallowed else latin


def read_text(path: str, largest: int, what: str) -> str:
    """Read a text file.

    Args:
        path (str): The file.
        largest (int): Largest size of such a file in bytes.
        what (str): Its name in messages.

    Returns:
        str: Its text with ``\\n`` as ends of lines.

    Raises:
        CubeReadError: If it is larger, or cannot be read.
    """
    with explained(path):
        size = os.path.getsize(path)
        if size > largest:
            raise CubeReadError(f'{path}: the file is larger than {largest >> 20} MiB, expected {what}')
        with open(path, 'rb') as stream:
            text = decode(stream.read(largest))
    return text.replace('\r\n', '\n').replace('\r', '\n')
