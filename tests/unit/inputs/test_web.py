"""Pages by address: from a server on this machine, behind a door that only tests open."""

from __future__ import annotations

import gzip
import ipaddress
import ssl
import threading
import time
import tracemalloc
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pactag.articles import Article
from pactag.errors import InputError
from pactag.inputs import read_articles, web
from pactag.inputs.web import Door, Limits, fetch, is_public

ROWS = b'{"id": "x", "text": "He said no."}\n'
# A Zstandard frame of 4,000 blocks, each of four bytes that become 131,072 (RFC 8878, 3.1.1): half a gigabyte in the size of one piece.
BOMB = b"\x28\xb5\x2f\xfd\x00\x58" + ((131_072 << 3 | 2).to_bytes(3, "little") + b"x") * 4000 + b"\x01\0\0"


def _compressed(data: bytes, ending: str) -> bytes:
    return gzip.compress(data) if ending == "gz" else pytest.importorskip("zstandard").compress(data)


class _Site(BaseHTTPRequestHandler):
    """Answers by the path; `seen` holds what was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.path, self.headers["Host"]))
        name, _, rest = self.path[1:].partition("/")
        getattr(self, f"_{name}", self._missing)(rest)

    def _send(self, body: bytes, status: int = 200, **headers: str):
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _missing(self, _):
        self._send(b"none", 404, Content_Type="text/html")

    def _text(self, _):
        self._send("Le pr\u00e9sident refuse.".encode("latin-1"), Content_Type="text/plain; charset=ISO-8859-1")

    def _quoted(self, _):
        self._send("\u201cNo,\u201d he said.".encode("cp1252"), Content_Type="text/plain; charset=latin1")

    def _later(self, _):
        # As some servers send it: bytes of UTF-8, unquoted.
        self.wfile.write("HTTP/1.1 302 Found\r\nLocation: /text/caf\u00e9\r\nContent-Length: 0\r\n\r\n".encode())

    def _rows(self, _):
        self._send(ROWS, Content_Type="text/plain")

    def _packed(self, rest):
        body = _compressed(b"x" * 5000 if rest.startswith("large") else ROWS, rest.rpartition(".")[2])
        self._send(body[:-9] if rest.startswith("short") else body, Content_Type="application/octet-stream")

    def _gzip(self, _):
        self._send(gzip.compress(ROWS), Content_Type="application/gzip")

    def _bomb(self, _):
        self._send(BOMB, Content_Type="application/zstd")

    def _coded(self, rest):
        self._send(b"ab-cdefgh", Content_Type=f"text/plain; charset={rest}")

    def _about(self, _):
        self._send(b"<p>A page about a file</p>", Content_Type="text/html")

    def _pdf(self, _):
        self._send(b"%PDF", Content_Type="application/pdf")

    def _zipped(self, _):
        self._send(b"x", Content_Type="text/plain", Content_Encoding="gzip")

    def _to(self, rest):
        self._send(b"", 302, Location=rest)

    def _loop(self, _):
        self._send(b"", 301, Location="/loop/")

    def _nowhere(self, _):
        self._send(b"", 302)

    def _large(self, _):
        self._send(b"x" * 5000, Content_Type="text/plain")

    def _endless(self, _):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Connection", "close")
        self.end_headers()
        self._drip(b"x" * 500, 0.001)

    def _slow(self, _):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self._drip(b"X: y\r\n", 0.05)

    def _drip(self, piece: bytes, seconds: float):
        try:
            for _ in range(100):
                self.wfile.write(piece)
                time.sleep(seconds)
        except OSError:
            self.close_connection = True

    def _short(self, _):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "99")
        self.end_headers()
        self.wfile.write(b"He said")
        self.close_connection = True

    def log_message(self, *_):
        pass


@contextmanager
def _serving(wrap=lambda socket: socket):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    server.seen, server.daemon_threads = [], True
    server.socket = wrap(server.socket)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def site():
    with _serving() as server:
        yield server


@pytest.fixture
def base(site) -> str:
    site.seen.clear()
    return f"http://news.example:{site.server_address[1]}"


# Every name leads to this machine, and it is let in.
OPEN = Door(resolve=lambda host, port: ["127.0.0.1"], admits=lambda address: True)
SHORT = Limits(size=1000, seconds=1.0, redirects=3)


def test_text_comes_in_utf8_whatever_the_server_sent(base, site):
    page = fetch(f"{base}/text/caf\u00e9?q=a b#part", door=OPEN)
    assert page.body.decode() == "Le pr\u00e9sident refuse."
    assert site.seen == [("/text/caf%C3%A9?q=a%20b", base.removeprefix("http://"))]


def test_latin_1_has_the_quotes_that_browsers_show(base):
    assert fetch(f"{base}/quoted/", door=OPEN).body.decode() == "\u201cNo,\u201d he said."


@pytest.mark.parametrize("charset", ["punycode", "unicode_escape", "nonsense"])
def test_encoding_that_is_none_of_pages_is_passed_over(base, charset: str):
    assert fetch(f"{base}/coded/{charset}", door=OPEN).body == b"ab-cdefgh"


def test_redirect_to_an_unquoted_address_is_followed(base, site):
    fetch(f"{base}/later/", door=OPEN)
    assert site.seen[-1][0] == "/text/caf%C3%A9"


def test_redirects_are_followed(base, site):
    assert b"sident" in fetch(f"{base}/to/{base}/to//text/", door=OPEN).body
    assert [path[:4] for path, _ in site.seen] == ["/to/", "/to/", "/tex"]


REFUSED = {
    "/missing/": "answers 404 Not Found",
    "/pdf/": "is application/pdf, not a page or a text",
    "/zipped/": "is sent compressed",
    "/loop/": "leads through more than 3 redirects",
    "/nowhere/": "answers 302 without saying where",
    "/to/file:///etc/passwd": "leads to what is neither http nor https",
    "/to/ftp://news.example/": "leads to what is neither http nor https",
    "/large/": "has more than 1,000 bytes",
    "/endless/": "has more than 1,000 bytes",
    "/slow/": "took more than 1 seconds",
    "/short/": "cannot be fetched",
}


@pytest.mark.parametrize(("path", "message"), REFUSED.items())
def test_answer_that_is_no_page_is_told_with_the_address(base, path: str, message: str):
    with pytest.raises(InputError) as error:
        fetch(base + path, door=OPEN, limits=SHORT)
    assert str(error.value).startswith(f"{base}{path}: ")
    assert message in str(error.value)


def test_nobody_there_is_told():
    with pytest.raises(InputError, match="cannot be reached"):
        fetch("http://news.example:9/", door=OPEN)


# The door


PRIVATE = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2001:0:1::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_address_inside_a_network_is_not_public(address: str):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_address_of_the_internet_is_public(address: str):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0"])
def test_this_machine_cannot_be_reached_by_any_of_its_names(site, host: str):
    site.seen.clear()
    with pytest.raises(InputError, match=r"(private or reserved network|cannot be found)"):
        fetch(f"http://{host}:{site.server_address[1]}/text/")
    assert site.seen == []


def test_one_private_address_among_others_is_enough_to_refuse(base):
    with pytest.raises(InputError, match=r"news\.example stands in a private or reserved network"):
        fetch(base, door=Door(resolve=lambda host, port: ["93.184.216.34", "127.0.0.1"]))


def test_redirect_into_a_network_is_refused(base, site):
    names = {"news.example": "127.0.0.1", "inside.example": "10.0.0.1"}
    # The test site itself passes for a public one.
    door = Door(lambda host, port: [names[host]], lambda address: address.is_loopback or is_public(address))
    with pytest.raises(InputError, match=r"inside\.example stands in a private or reserved network"):
        fetch(f"{base}/to/http://inside.example/", door=door)


def test_name_is_resolved_once_and_connected_to_what_was_checked(base):
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    assert fetch(f"{base}/text/", door=Door(lambda host, port: answers.pop(0), lambda address: True)).kind is None
    assert answers == [["10.0.0.1"]]


def test_machine_without_a_network_says_so_in_a_sentence():
    def none(host, port):
        raise OSError("Temporary failure in name resolution")

    with pytest.raises(InputError) as error:
        fetch("https://example.org/news", door=Door(resolve=none))
    assert str(error.value) == (
        "https://example.org/news: cannot be found: this machine has no network, or there is no such host. "
        "Check the address, or save the page where there is a network, and give the file"
    )


@pytest.mark.parametrize(
    "address", ["ftp://example.org/a", "file:///etc/passwd", "gopher://x", "http://", "http://me:pw@example.org/", "http://a:b/"]
)
def test_address_that_is_not_fetched_is_told(address: str):
    (error,) = _errors([address])
    assert str(error).startswith(address.replace(":pw@", ":***@"))


def _errors(names) -> list:
    errors: list = []
    assert list(read_articles(names, on_error=errors.append)) == []
    return errors


# Together with the readers


def test_address_is_the_id_and_its_ending_tells_the_kind(base, monkeypatch):
    monkeypatch.setattr(web.fetch, "__kwdefaults__", {"limits": SHORT, "door": OPEN})
    found = list(read_articles([f"{base}/text/", f"{base}/rows/wire.jsonl"]))
    assert found == [Article(f"{base}/text/", "Le pr\u00e9sident refuse."), Article("x", "He said no.")]


@pytest.mark.parametrize("path", ["packed/wire.jsonl.gz", "packed/wire.jsonl.zst?of=today", "gzip/wire.jsonl.gz"])
def test_compressed_file_is_read_as_what_it_holds(base, monkeypatch, path: str):
    if ".zst" in path:
        pytest.importorskip("zstandard")
    monkeypatch.setattr(web.fetch, "__kwdefaults__", {"limits": SHORT, "door": OPEN})
    assert list(read_articles([f"{base}/{path}"])) == [Article("x", "He said no.")]


def test_page_about_a_compressed_file_is_a_page(base):
    page = fetch(f"{base}/about/wire.jsonl.gz", door=OPEN)
    assert (page.kind, page.body) == ("html", b"<p>A page about a file</p>")


@pytest.mark.parametrize("ending", ["gz", "zst"])
@pytest.mark.parametrize(("name", "message"), [("large.txt", "has more than 1,000 bytes"), ("short.jsonl", "breaks off")])
def test_compressed_file_that_is_too_large_or_broken_is_told_with_the_address(base, name: str, message: str, ending: str):
    if ending == "zst":
        pytest.importorskip("zstandard")
    with pytest.raises(InputError) as error:
        fetch(f"{base}/packed/{name}.{ending}", door=OPEN, limits=SHORT)
    assert str(error.value).startswith(f"{base}/packed/{name}.{ending}: {message}")


def test_little_that_unpacks_to_much_takes_no_memory(base):
    pytest.importorskip("zstandard")
    tracemalloc.start()
    with pytest.raises(InputError, match="has more than 20,000,000 bytes"):
        fetch(f"{base}/bomb/a.txt.zst", door=OPEN)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000_000


def test_secured_page_needs_a_certificate_that_is_trusted(tmp_path, monkeypatch):
    certificate = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with _serving(lambda socket: context.wrap_socket(socket, server_side=True)) as server:
        port = server.server_address[1]
        with pytest.raises(InputError, match="certificate verify failed"):
            fetch(f"https://news.example:{port}/text/", door=OPEN)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert b"sident" in fetch(f"https://news.example:{port}/text/", door=OPEN).body
        with pytest.raises(InputError, match="certificate verify failed"):
            fetch(f"https://other.example:{port}/text/", door=OPEN)
        with pytest.raises(InputError, match="took more than 1 seconds"):
            fetch(f"https://news.example:{port}/slow/", door=OPEN, limits=SHORT)


def _certificate(folder):
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "news.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("news.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "news.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path
