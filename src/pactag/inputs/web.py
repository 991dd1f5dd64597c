"""Pages from the web, by address. Nobody who names an address gets to anything but the public internet through this machine.

Names are resolved once and every address behind them is checked; the connection goes to the very address that was checked, so that a name
that answers differently the second time gains nothing. Redirects are followed by hand, each through the same door.
"""

from __future__ import annotations

import codecs
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from pactag.errors import InputError
from pactag.inputs.compressed import uncompressed
from pactag.inputs.encodings import codec_of
from pactag.inputs.kinds import is_compressed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

SCHEMES = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PIECE = 1 << 16
# Of Zstandard data, at once: whatever a server sends, they unpack to no more than about the size of the largest page.
_ZSTD_PIECE = 512
# IPv6 addresses that stand for an IPv4 one behind a translator (RFC 6052).
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
# Kinds of article files by what a server says; None where the ending of the address tells more.
_KINDS = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/x-ndjson": "jsonl",
    "application/ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/vnd.apache.parquet": "parquet",
    "text/plain": None,
    "application/octet-stream": None,
    "binary/octet-stream": None,
    "application/gzip": None,
    "application/x-gzip": None,
    "application/zstd": None,
    "": None,
}
# Bodies come as they are, so that their size is what the limit counts; one page, then the connection ends.
_HEADERS = {"User-Agent": "pactag", "Accept-Encoding": "identity", "Connection": "close"}
_UNQUOTED = "/%:@!$&'()*+,;=~-._?[]"


@dataclass(frozen=True)
class Limits:
    """What one page may cost: bytes, sent and unpacked, seconds for all of it, and redirects."""

    size: int = 20_000_000
    seconds: float = 30.0
    redirects: int = 5


@dataclass(frozen=True)
class Page:
    """What an address gave: its bytes (unpacked; text in UTF-8, whatever was sent), the kind of file if the server tells, and its path."""

    body: bytes
    kind: str | None
    path: str


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet: not private, loopback, link-local, shared, multicast, reserved or unspecified."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _TRANSLATED:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        # Both carry an IPv4 address in which anything may hide, and no news site is only there.
        if address.sixtofour is not None or address.teredo is not None or address.is_site_local:
            return False
    hidden = address.is_private or address.is_loopback or address.is_link_local or address.is_multicast
    return address.is_global and not (hidden or address.is_reserved or address.is_unspecified)


def resolve(host: str, port: int) -> list[str]:
    """Every address of a host.

    :raises OSError: when it has none, or nobody can be asked.
    """
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True)
class Door:
    """How names become addresses, and which addresses may be reached. The one of `fetch` leads to the public internet only."""

    resolve: Callable[[str, int], Sequence[str]] = resolve
    admits: Callable[[Address], bool] = is_public


PUBLIC = Door()


def fetch(address: str, *, limits: Limits = Limits(), door: Door = PUBLIC) -> Page:
    """Get one page.

    :raises InputError: for another scheme than http and https, an address inside a network, more than the limits, an answer that is no
        page, for a compressed file that breaks off, and when there is no network.
    :raises MissingExtraError: for Zstandard without its library.
    """
    deadline = time.monotonic() + limits.seconds
    here = address
    for _ in range(limits.redirects + 1):
        with _asked(here, address, deadline, limits, door) as response:
            if response.status not in _REDIRECTS:
                return _page(response, here, address, deadline, limits)
            target = response.getheader("Location")
        if not target:
            raise InputError(address, f"answers {response.status} without saying where the page is", "Open it in a browser, and save it")
        # Headers are read as Latin-1, whatever bytes they hold.
        here = urljoin(here, quote(target.encode("latin-1", errors="replace"), safe=f"{_UNQUOTED}#"))
    raise InputError(address, f"leads through more than {limits.redirects} redirects", "Give the address at which it ends")


@contextmanager
def _asked(here: str, address: str, deadline: float, limits: Limits, door: Door) -> Iterator[http.client.HTTPResponse]:
    parts = _checked(here, address)
    host, port = str(parts.hostname), parts.port or SCHEMES[parts.scheme]
    late = threading.Event()
    try:
        with _connect(host, port, address, deadline, door) as plain:
            secured = _unshaken(plain, host) if parts.scheme == "https" else plain
            with secured, _cut_when_late(secured, deadline, late):
                if isinstance(secured, ssl.SSLSocket):
                    secured.do_handshake()
                connection = http.client.HTTPConnection(host, port)
                connection.sock = secured
                connection.request("GET", _target(parts), headers=_HEADERS)
                with connection.getresponse() as response:
                    yield response
    except (OSError, http.client.HTTPException, ValueError) as bad:
        if late.is_set() or isinstance(bad, TimeoutError):
            raise InputError(
                address, f"took more than {limits.seconds:g} seconds", "Try again, or save the page and give the file"
            ) from None
        raise InputError(address, f"cannot be fetched ({bad or type(bad).__name__})", "Save the page, and give the file") from None


def _unshaken(plain: socket.socket, host: str) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)


@contextmanager
def _cut_when_late(connection: socket.socket, deadline: float, late: threading.Event) -> Iterator[None]:
    """A server that sends a byte now and then never runs into the limit of a single read."""

    def cut() -> None:
        late.set()
        # Not that of the secured socket, which would first talk to the other side.
        with suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)

    watch = threading.Timer(max(0.0, deadline - time.monotonic()), cut)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _target(parts: SplitResult) -> str:
    query = f"?{quote(parts.query, safe=_UNQUOTED)}" if parts.query else ""
    return quote(parts.path or "/", safe=_UNQUOTED) + query


def _checked(here: str, address: str) -> SplitResult:
    try:
        parts = urlsplit(here)
        port = parts.port
    except ValueError as bad:
        raise InputError(address, f"is no address that can be read ({bad})", "Give one such as https://example.org/news") from None
    if parts.scheme not in SCHEMES:
        leads = "" if here == address else "leads to what "
        raise InputError(address, f"{leads}is neither http nor https", "Save the page, and give the file")
    if not parts.hostname or port == 0 or parts.username is not None or parts.password is not None:
        raise InputError(address, "names no host, or names a user", "Give an address such as https://example.org/news")
    return parts


def _connect(host: str, port: int, address: str, deadline: float, door: Door) -> socket.socket:
    """A connection to one of the addresses of a host, all of which were checked."""
    try:
        found = list(dict.fromkeys(door.resolve(host, port)))
    except (OSError, UnicodeError):
        fix = "Check the address, or save the page where there is a network, and give the file"
        raise InputError(address, "cannot be found: this machine has no network, or there is no such host", fix) from None
    if not found or not all(door.admits(ipaddress.ip_address(one.partition("%")[0])) for one in found):
        raise InputError(address, f"{host} stands in a private or reserved network", "Save the page, and give the file")
    last: OSError = TimeoutError()
    for one in found:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            return socket.create_connection((one, port), timeout=left)
        except OSError as bad:
            last = bad
    if isinstance(last, TimeoutError):
        raise last
    fix = "Check the address and the network, or save the page and give the file"
    raise InputError(address, f"cannot be reached ({last.strerror or last})", fix)


def _page(response: http.client.HTTPResponse, here: str, address: str, deadline: float, limits: Limits) -> Page:
    if response.status != 200:
        raise InputError(address, f"answers {response.status} {response.reason}".rstrip(), "Open it in a browser, and save it")
    if response.getheader("Content-Encoding", "identity").lower() != "identity":
        raise InputError(address, "is sent compressed although nobody asked for it", "Open it in a browser, and save it")
    name = response.headers.get_content_type() if response.getheader("Content-Type") else ""
    if name not in _KINDS:
        raise InputError(address, f"is {name}, not a page or a text", "Give the article as text or HTML")
    too_large = InputError(address, f"has more than {limits.size:,} bytes", "Save it, and give the file")
    if (response.length or 0) > limits.size:
        raise too_large
    body = bytearray()
    while piece := response.read1(_PIECE):
        body += piece
        if len(body) > limits.size:
            raise too_large
    # What was cut looks as if it had ended.
    if time.monotonic() >= deadline:
        raise TimeoutError
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    path, kind = urlsplit(here).path, _KINDS[name]
    # A page about a compressed file may stand at its name.
    if is_compressed(path) and kind != "html":
        return Page(_unpacked(bytes(body), path, address, too_large, limits), kind, path)
    return Page(_in_utf8(bytes(body), response.headers.get_content_charset()), kind, path)


def _unpacked(body: bytes, path: str, address: str, too_large: InputError, limits: Limits) -> bytes:
    with uncompressed(BytesIO(body), path, where=address, piece=_ZSTD_PIECE) as stream:
        content = stream.read(limits.size + 1)
    if len(content) > limits.size:
        raise too_large
    return content


def _in_utf8(body: bytes, charset: str | None) -> bytes:
    """What the header says of the encoding counts before what the page says (https://html.spec.whatwg.org/, encoding sniffing)."""
    name = codec_of(charset) if charset is not None else None
    if name is None or name == "utf-8" or body.startswith(codecs.BOM_UTF8):
        return body
    return body.decode(name, errors="replace").encode("utf-8")
