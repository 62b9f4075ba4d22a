"""Security headers. A view that needs another value sets it first."""

from __future__ import annotations

from flask import Response, request

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
    "img-src 'self' blob:; media-src 'self'; font-src 'self'; connect-src 'self'; "
    "frame-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'; object-src 'none'"
)
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"


def set_security_headers(response: Response, *, nonce: str) -> None:
    """Pages may run only our own scripts and those with the nonce; data may run nothing."""
    headers = response.headers
    page = response.mimetype == "text/html"
    policy = _PAGE_POLICY.format(nonce=nonce) if page else _DATA_POLICY
    headers.setdefault("Content-Security-Policy", policy)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
