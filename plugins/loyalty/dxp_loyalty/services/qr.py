"""QR codes for tills and telephones."""

from __future__ import annotations

import io

import segno


def qr_svg(text: str) -> bytes:
    """A QR code as an SVG document of its own, with a white margin, so that it can be scanned on
    dark pages too."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", scale=6, border=4, dark="#000", light="#fff", xmldecl=False
    )
    return out.getvalue()
