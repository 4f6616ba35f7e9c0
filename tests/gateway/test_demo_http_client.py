"""The demo's simulated clients at a person's speed: minutes pass between two requests, and the server hangs up."""

import json
from collections.abc import Iterator
from http.client import RemoteDisconnected
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from gateway.demo.http_client import HttpClient

SERVER_WAITS_S = 0.2


class Impatient(ThreadingHTTPServer):
    """Hangs up on whoever is silent for a moment, as every server does after its own while."""

    daemon_threads = True

    def __init__(self) -> None:
        self.hung_up = Event()
        super().__init__(("127.0.0.1", 0), Answer)


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SERVER_WAITS_S
    server: Impatient

    def do_GET(self) -> None:
        content = json.dumps({"path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def finish(self) -> None:
        super().finish()
        self.connection.close()
        self.server.hung_up.set()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Impatient]:
    with Impatient() as started:
        thread = Thread(target=started.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield started
        started.shutdown()
        thread.join()


def test_a_client_that_was_silent_for_long_opens_its_connection_anew(server: Impatient) -> None:
    client = HttpClient("127.0.0.1", server.server_port, idle_s=SERVER_WAITS_S / 2)
    assert client.call("GET", "/first") == {"path": "/first"}
    assert server.hung_up.wait(10)

    assert client.call("GET", "/second") == {"path": "/second"}
    client.close()


def test_what_may_have_arrived_is_not_sent_a_second_time(server: Impatient) -> None:
    client = HttpClient("127.0.0.1", server.server_port)
    client.call("GET", "/first")
    assert server.hung_up.wait(10)

    with pytest.raises((RemoteDisconnected, BrokenPipeError, ConnectionResetError)):
        client.call("GET", "/second")
    client.close()
