"""What answers tell browsers about what they may do with them."""

from typing import Final

__all__ = ["OF_FILES", "OF_PAGES"]

_SHARED: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_PAGES_MAY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob: data:",
    "connect-src": "'self'",
    "font-src": "'self'",
    "media-src": "'self' blob:",
    "frame-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}

_FILES_MAY: Final = {
    "sandbox": "",
    "default-src": "'none'",
    "style-src": "'unsafe-inline'",
    "img-src": "data: blob:",
    "media-src": "data: blob:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'self'",
}
"""What users store has no rights here: no scripts, no requests, no origin."""

_UNUSED_FEATURES: Final = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
)


def _policy(directives: dict[str, str]) -> str:
    return "; ".join(f"{name} {value}".strip() for name, value in directives.items())


OF_PAGES: Final = {
    **_SHARED,
    "Content-Security-Policy": _policy(_PAGES_MAY),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED_FEATURES),
    "X-Frame-Options": "DENY",
}
"""Headers of the web UI's own pages, scripts and styles."""

OF_FILES: Final = {
    **_SHARED,
    "Content-Security-Policy": _policy(_FILES_MAY),
    "X-Frame-Options": "SAMEORIGIN",
}
"""Headers of artifacts, which the pages embed."""
