"""Pages made for the tests: a PDF by hand, a good one or one that unpacks without end."""

from __future__ import annotations

import zlib


def pdf(*pages: str, bomb: int = 0) -> bytes:
    """A PDF with these texts, or with one page that unpacks into so many bytes."""
    streams = [_text(text) for text in pages] or [_zeros(bomb)]
    count = len(streams)
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {count} /Kids [{kids}] >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, stream in enumerate(streams):
        page = f"<< /Type /Page /Parent 2 0 R /Contents {5 + 2 * number} 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        head = f"<< /Length {len(stream)} /Filter /FlateDecode >>\nstream\n".encode()
        objects += [page.encode(), head + stream + b"\nendstream"]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    out += f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def _text(text: str) -> bytes:
    lines = "".join(f"({line}) Tj 0 -14 Td " for line in text.split("\n"))
    return zlib.compress(f"BT /F1 12 Tf 72 700 Td {lines} ET".encode("cp1252"))


def _zeros(size: int) -> bytes:
    packer = zlib.compressobj(9)
    piece = b"0 " * 500_000
    return b"".join(packer.compress(piece) for _ in range(size // len(piece))) + packer.flush()
